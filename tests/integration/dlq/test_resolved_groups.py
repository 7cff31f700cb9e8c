"""Groups whose work is all done: the dispatcher resolves them, and a decision that it would reverse
is refused."""

from datetime import timedelta

import pytest

from controlplane.core.clock import now, utc_z
from controlplane.core.errors import Conflict
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import AuditEvent
from dlq.discard import discard_letter
from dlq.groups import Decision
from dlq.models import DeadLetter, LetterGroup
from dlq.undo import decide_with_undo, undo_decision
from tests.factories import make_letter, make_next_letter
from tests.integration.dlq.test_groups import keep_up, reprocess_one, set_state, state_of
from tests.manual_worker import run_task

pytestmark = pytest.mark.django_db
BY_ITSELF = "it reopens by itself with the next death"


def discard(letter: DeadLetter, actor: Actor) -> None:
    discard_letter(workspace_id=letter.workspace_id, letter_id=letter.id, reason="no", actor=actor)


def test_a_resolved_group_without_work_stays_resolved(ada: Actor) -> None:
    letter = make_letter()
    discard(letter, ada)
    keep_up()
    for state, more in (("OPEN", {}), ("ACKNOWLEDGED", {}), ("MUTED", {"muted_above": 3})):
        with pytest.raises(Conflict, match=f"no work is left: {BY_ITSELF}"):
            set_state(letter, ada, state, **more)
    make_letter()
    keep_up()
    assert state_of(letter) == "REGRESSED"
    assert set_state(letter, ada, "OPEN").state == "OPEN"


def test_a_resolved_group_with_work_left_is_reopened(ada: Actor) -> None:
    letter = make_letter()
    task = reprocess_one(letter, ada)
    set_state(letter, ada, "RESOLVED")
    with pytest.raises(Conflict, match="reopen it first"):
        set_state(letter, ada, "ACKNOWLEDGED")
    set_state(letter, ada, "OPEN")
    keep_up()
    assert state_of(letter) == "OPEN"
    run_task(task)
    keep_up()
    assert state_of(letter) == "RESOLVED"


def test_a_death_during_a_mute_is_hidden(ada: Actor) -> None:
    letter = make_letter()
    set_state(letter, ada, "MUTED", muted_until=now() + timedelta(hours=1))
    discard(letter, ada)
    keep_up()
    for state in ("OPEN", "ACKNOWLEDGED"):
        with pytest.raises(Conflict, match=f"resolve it, and {BY_ITSELF}"):
            set_state(letter, ada, state)
    make_letter()
    keep_up()
    assert state_of(letter) == "MUTED"
    LetterGroup.objects.update(muted_until=now())
    keep_up()
    assert state_of(letter) == "OPEN"


def test_a_mute_without_a_time_lasts_until_more_letters_are_open(ada: Actor) -> None:
    letter = make_letter()
    set_state(letter, ada, "MUTED", muted_above=1)
    discard(letter, ada)
    keep_up()
    assert state_of(letter) == "MUTED"
    for state in ("MUTED", "OPEN"):
        make_letter()
        keep_up()
        assert state_of(letter) == state


def test_a_group_without_work_is_resolved_when_its_mute_ends(ada: Actor) -> None:
    letter = make_letter()
    set_state(letter, ada, "MUTED", muted_until=now() + timedelta(hours=1), muted_above=9)
    run_task(make_next(letter, ada))
    keep_up()
    assert state_of(letter) == "MUTED"
    LetterGroup.objects.update(muted_until=now())
    keep_up()
    assert state_of(letter) == "RESOLVED"
    assert not AuditEvent.objects.filter(action="dlq.group_unmute").exists()


def make_next(letter: DeadLetter, actor: Actor) -> object:
    """The task that does the work after it failed once more."""
    return reprocess_one(make_next_letter(reprocess_one(letter, actor)), actor)


def test_an_undo_gives_a_resolved_group_its_state_back(ada: Actor) -> None:
    letter = make_letter()
    reprocess_one(letter, ada)
    set_state(letter, ada, "ACKNOWLEDGED")
    _, undone = decide_with_undo(
        workspace_id=letter.workspace_id,
        group_id=letter.id,
        decision=Decision(state="RESOLVED"),
        actor=ada,
    )
    assert undone is not None
    undo_decision(lambda *_: ada, undone)
    assert state_of(letter) == "ACKNOWLEDGED"


def test_the_audit_log_has_both_ends_of_a_mute(ada: Actor) -> None:
    letter = make_letter()
    until = now() + timedelta(hours=1)
    for mute in ((until, None), (until, 3), (until, 3), (None, 3)):
        set_state(letter, ada, "MUTED", muted_until=mute[0], muted_above=mute[1])
        event = AuditEvent.objects.order_by("id").last()
        assert event is not None
        ends = (event.detail["mutedUntil"], event.detail["mutedAbove"])
        assert ends == (mute[0] and utc_z(mute[0]), mute[1])
