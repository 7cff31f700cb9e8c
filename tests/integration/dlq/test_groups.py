"""Groups of letters: their counts, the dispatcher's moves, and what people decide."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, Invalid, NotFound
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import AuditEvent, Workspace
from dlq import bulk, discard, groups, reprocess
from dlq.filters import GroupFilter, LetterFilter
from dlq.grouping import GroupUpkeep, prune_groups
from dlq.groups import Decision, decide
from dlq.models import DeadLetter, GroupNote, LetterGroup
from dlq.queries.groups import (
    count_groups,
    describe_groups,
    find_group,
    list_letter_groups,
    mine_filter,
    read_trends,
)
from dlq.recording import fold_letter_counts
from tasks_app.models import Task
from tests.clients import other_workspace, staff_user
from tests.factories import make_error, make_letter, make_next_letter
from tests.manual_worker import run_task
from workers.models import Node

pytestmark = pytest.mark.django_db


def keep_up() -> None:
    """What the dispatcher does every two seconds."""
    while fold_letter_counts():
        pass
    GroupUpkeep().run()


def group_of(letter: DeadLetter) -> LetterGroup:
    return LetterGroup.objects.get(
        workspace_id=letter.workspace_id, fingerprint=letter.fingerprint, type=letter.type
    )


def state_of(letter: DeadLetter) -> str:
    return str(group_of(letter).state)


def reprocess_one(letter: DeadLetter, actor: Actor) -> Any:
    found = reprocess.reprocess_letter(
        workspace_id=letter.workspace_id, letter_id=letter.id, actor=actor
    )
    return found.reprocessed_task_id


def set_state(letter: DeadLetter, actor: Actor, state: str, **more: Any) -> LetterGroup:
    return decide(
        workspace_id=letter.workspace_id,
        group_id=group_of(letter).id,
        decision=Decision(state=state, **more),
        actor=actor,
    )


def test_the_first_letter_makes_the_group_and_the_others_are_counted() -> None:
    first = make_letter(make_error("order 1 is stuck"))
    last = make_letter(make_error("order 2 is stuck"))
    make_letter(make_error("order 3 is stuck"), type="test-raise")
    make_letter(make_error("order 4 is stuck"), workspace=other_workspace())
    group = group_of(first)
    assert (group.id, group.state, group.letters) == (first.id, "OPEN", 0)
    for _ in range(2):
        (view,) = describe_groups([group_of(first)])
        assert (view.count, view.deaths, view.letter_id) == (2, 2, last.id)
        assert view.last_seen == last.died_at
        assert view.message == "order # is stuck"
        keep_up()
    group.refresh_from_db()
    assert (group.letters, group.deaths, group.first_seen) == (2, 2, first.died_at)
    assert LetterGroup.objects.count() == 3


def test_a_letter_names_the_version_of_the_node_that_ran_it() -> None:
    letter = make_letter()
    version = Node.objects.get().version
    assert (letter.worker_version, group_of(letter).first_version) == (version, version)


def test_a_group_is_made_later_if_its_first_death_was_rolled_back() -> None:
    letter = make_letter()
    LetterGroup.objects.all().delete()
    keep_up()
    group = group_of(letter)
    assert (group.id, group.letters, group.deaths) == (letter.id, 1, 1)


def test_it_is_resolved_when_all_work_is_done(ada: Actor) -> None:
    letters = [make_letter() for _ in range(3)]
    for letter in letters[:2]:
        run_task(reprocess_one(letter, ada))
    keep_up()
    assert state_of(letters[0]) == "OPEN"  # one is open
    task = reprocess_one(letters[2], ada)
    keep_up()
    assert state_of(letters[0]) == "OPEN"  # its task has not ended
    run_task(task)
    keep_up()
    assert state_of(letters[0]) == "RESOLVED"
    assert AuditEvent.objects.get(action="dlq.group_resolve").actor_label == "system"
    keep_up()
    assert AuditEvent.objects.filter(action="dlq.group_resolve").count() == 1
    assert set(DeadLetter.objects.values_list("rerun", flat=True)) == {"COMPLETED"}


def test_lineage_is_followed_through_repeated_failures(ada: Actor) -> None:
    first = make_letter(make_error("the first"))
    second = make_next_letter(reprocess_one(first, ada), make_error("another", name="OSError"))
    keep_up()
    first.refresh_from_db()
    assert (first.rerun, state_of(first)) == ("DIED", "OPEN")
    third = make_next_letter(reprocess_one(second, ada), make_error("the first"))
    keep_up()
    assert state_of(second) == "OPEN"
    run_task(reprocess_one(third, ada))
    keep_up()
    assert {state_of(each) for each in (first, second, third)} == {"RESOLVED"}


def test_a_discarded_letter_settles_those_before_it(ada: Actor, workspace: Workspace) -> None:
    first = make_letter(make_error("the first"))
    second = make_next_letter(reprocess_one(first, ada), make_error("another", name="OSError"))
    discard.discard_letter(workspace_id=workspace.id, letter_id=second.id, reason="no", actor=ada)
    keep_up()
    first.refresh_from_db()
    assert first.rerun == "DISCARDED"
    assert {state_of(first), state_of(second)} == {"RESOLVED"}


def test_a_task_that_was_deleted_resolves_nothing(ada: Actor) -> None:
    letter = make_letter()
    task = reprocess_one(letter, ada)
    Task.objects.filter(id=task).delete()
    keep_up()
    letter.refresh_from_db()
    assert (letter.rerun, state_of(letter)) == ("GONE", "OPEN")
    assert set_state(letter, ada, "RESOLVED").state == "RESOLVED"  # by hand, with nothing open


def test_a_new_death_reopens_a_resolved_group_and_names_the_version(
    ada: Actor, workspace: Workspace
) -> None:
    letter = make_letter()
    discard.discard_letter(workspace_id=workspace.id, letter_id=letter.id, reason="no", actor=ada)
    keep_up()
    assert state_of(letter) == "RESOLVED"
    Node.objects.update(version="9.9.9")
    make_letter()
    keep_up()
    group = group_of(letter)
    assert (group.state, group.regressed_versions) == ("REGRESSED", ["9.9.9"])
    assert (group.first_version != "9.9.9", group.last_version) == (True, "9.9.9")
    event = AuditEvent.objects.get(action="dlq.group_regress")
    assert event.detail == {"versions": ["9.9.9"]}


def test_a_new_death_names_the_release_of_the_code_where_it_is_known(
    ada: Actor, workspace: Workspace
) -> None:
    letter = make_letter()
    discard.discard_letter(workspace_id=workspace.id, letter_id=letter.id, reason="no", actor=ada)
    keep_up()
    Node.objects.update(release="2026.11.3")
    again = make_letter()
    keep_up()
    group = group_of(letter)
    assert (group.first_release, group.last_release) == ("", "2026.11.3")
    assert (again.worker_release, group.regressed_releases) == ("2026.11.3", ["2026.11.3"])
    assert group.regressed_code == ["2026.11.3"]
    assert group.first_code == f"Taskplane {group.first_version}"
    event = AuditEvent.objects.get(action="dlq.group_regress")
    assert event.detail == {"versions": [group.last_version], "releases": ["2026.11.3"]}
    found = list_letter_groups(workspace.id, GroupFilter(releases=("2026.11.3",)))
    assert list(found) == [group]


def test_a_death_that_was_closed_before_it_was_counted_regresses_too(
    ada: Actor, workspace: Workspace
) -> None:
    letter = make_letter()
    discard.discard_letter(workspace_id=workspace.id, letter_id=letter.id, reason="no", actor=ada)
    keep_up()
    again = make_letter()
    discard.discard_letter(workspace_id=workspace.id, letter_id=again.id, reason="no", actor=ada)
    fold_letter_counts()
    assert state_of(letter) == "REGRESSED"
    keep_up()
    assert state_of(letter) == "RESOLVED"


def test_what_waits_to_be_counted_keeps_a_group_open(ada: Actor, workspace: Workspace) -> None:
    letter = make_letter()
    fold_letter_counts()
    discard.discard_letter(workspace_id=workspace.id, letter_id=letter.id, reason="no", actor=ada)
    fold_letter_counts()
    make_letter()
    GroupUpkeep().run()
    assert state_of(letter) == "OPEN"


def test_a_mute_ends_by_time_and_by_growth(ada: Actor) -> None:
    letter = make_letter()
    keep_up()
    set_state(letter, ada, "MUTED", muted_until=now() + timedelta(hours=1), note="known")
    keep_up()
    group = group_of(letter)
    assert (group.state, group.state_by, group.state_reason) == ("MUTED", ada.label, "known")
    LetterGroup.objects.update(muted_until=now() - timedelta(seconds=1))
    keep_up()
    assert state_of(letter) == "OPEN"
    set_state(letter, ada, "MUTED", muted_above=1)
    make_letter()
    keep_up()
    group = group_of(letter)
    assert (group.state, group.muted_above) == ("OPEN", None)
    assert AuditEvent.objects.filter(action="dlq.group_unmute").count() == 2


def test_an_acknowledged_group_stays_so_and_says_how_it_grew(ada: Actor) -> None:
    letter = make_letter()
    set_state(letter, ada, "ACKNOWLEDGED")
    make_letter()
    keep_up()
    make_letter()
    (view,) = describe_groups([group_of(letter)])
    assert (view.group.state, view.grown) == ("ACKNOWLEDGED", 2)


def test_what_a_decision_refuses(ada: Actor, workspace: Workspace) -> None:
    letter = make_letter()
    with pytest.raises(Conflict, match="1 letter is open: reprocess or discard"):
        set_state(letter, ada, "RESOLVED")
    for wrong in (
        Decision(state="REGRESSED"),
        Decision(state="MUTED"),
        Decision(state="MUTED", muted_until=now() - timedelta(hours=1)),
        Decision(state="OPEN", muted_above=3),
        Decision(owner="stranger"),
        Decision(ticket="javascript:alert(1)"),
        Decision(ticket="ftp://host/x"),
        Decision(ticket="https://host/a b"),
        Decision(note="x" * 4_001),
        Decision(note="a\x00b"),
    ):
        with pytest.raises(Invalid):
            decide(
                workspace_id=workspace.id,
                group_id=group_of(letter).id,
                decision=wrong,
                actor=ada,
            )
    with pytest.raises(NotFound):
        decide(
            workspace_id=other_workspace().id,
            group_id=group_of(letter).id,
            decision=Decision(note="x"),
            actor=ada,
        )
    assert not AuditEvent.objects.filter(action__startswith="dlq.group").exists()
    assert group_of(letter).version == 0


def test_two_operators_do_not_overwrite_each_other(ada: Actor, workspace: Workspace) -> None:
    staff_user("operator", name="bob")
    letter = make_letter()
    set_state(letter, ada, "ACKNOWLEDGED")
    with pytest.raises(Conflict, match=f"{ada.label} acknowledged it at"):
        decide(
            workspace_id=workspace.id,
            group_id=group_of(letter).id,
            decision=Decision(owner="bob"),
            actor=ada,
            seen_version=0,
        )
    changed = decide(
        workspace_id=workspace.id,
        group_id=group_of(letter).id,
        decision=Decision(owner="bob", ticket="https://tickets.example/OPS-1", note="hers"),
        actor=ada,
        seen_version=1,
    )
    assert (changed.owner and changed.owner.username, changed.version) == ("bob", 2)
    assert GroupNote.objects.get().text == "hers"
    event = AuditEvent.objects.get(action="dlq.group_assign")
    assert event.detail["owner"] == "bob"
    assert event.detail["ticket"] == "https://tickets.example/OPS-1"


def test_what_is_so_already_is_no_change(ada: Actor) -> None:
    letter = make_letter()
    set_state(letter, ada, "ACKNOWLEDGED")
    assert set_state(letter, ada, "ACKNOWLEDGED").version == 1
    assert AuditEvent.objects.filter(action__startswith="dlq.group").count() == 1


def test_filters_and_views(ada: Actor, workspace: Workspace) -> None:
    user = staff_user("operator", name="bob")
    stuck = make_letter(make_error("order 1 is stuck"))
    other = make_letter(make_error(name="OSError", category="NETWORK"), type="test-raise")
    keep_up()
    set_state(stuck, ada, "ACKNOWLEDGED", owner="bob")

    def found(**conditions: Any) -> set[str]:
        rows = list_letter_groups(workspace.id, GroupFilter(**conditions))
        return {row.type for row in rows}

    assert found() == {"test-echo", "test-raise"}
    assert found(states=("ACKNOWLEDGED",)) == {"test-echo"}
    assert found(owners=("nobody",)) == {"test-raise"}
    assert found(owners=("bob",)) == {"test-echo"}
    assert found(categories=("NETWORK",)) == {"test-raise"}
    assert found(search="STUCK") == {"test-echo"}
    assert found(search=other.fingerprint) == {"test-raise"}
    assert found(versions=(stuck.worker_version,)) == {"test-echo", "test-raise"}
    assert found(versions=("0.0",)) == set()
    mine = list_letter_groups(workspace.id, mine_filter(ada.label))
    assert [row.type for row in mine] == ["test-raise"]
    counts = count_groups(workspace.id, user.get_username())
    assert (counts["mine"], counts["ACKNOWLEDGED"], counts["OPEN"], counts["all"]) == (2, 1, 1, 2)


def test_several_types_may_fail_alike(workspace: Workspace) -> None:
    letter = make_letter()
    make_letter(type="test-raise")
    with pytest.raises(Conflict, match="test-echo, test-raise"):
        find_group(workspace.id, letter.fingerprint, None)
    assert find_group(workspace.id, letter.fingerprint, "test-raise").type == "test-raise"
    with pytest.raises(NotFound):
        find_group(workspace.id, letter.fingerprint, "noop")


def test_the_trend_of_the_last_hour(workspace: Workspace) -> None:
    letter = make_letter()
    make_letter()
    old = make_letter()
    DeadLetter.objects.filter(id=old.id).update(died_at=now() - timedelta(minutes=30))
    trends = read_trends(workspace.id, [group_of(letter)])
    bars = trends.of(group_of(letter))
    assert (len(bars), sum(bars), bars[-1], trends.is_partial) == (20, 3, 2, False)


def test_a_group_is_removed_with_its_last_letters(ada: Actor, workspace: Workspace) -> None:
    letter = make_letter()
    bulk.act_on_letters(
        workspace_id=workspace.id,
        action="discard",
        letter_filter=LetterFilter(everything=True),
        actor=ada,
        reason="old",
    )
    keep_up()
    assert prune_groups(10) == 0
    LetterGroup.objects.update(last_seen=now() - timedelta(days=3_000))
    assert prune_groups(10) == 1
    assert not LetterGroup.objects.filter(id=letter.id).exists()


def test_many_notes_are_refused(ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = make_letter()
    monkeypatch.setattr(groups, "MAX_NOTES", 1)
    set_state(letter, ada, "ACKNOWLEDGED", note="one")
    with pytest.raises(Conflict, match="limit"):
        set_state(letter, ada, "OPEN", note="two")


def test_the_migration_makes_the_groups_of_letters_that_are_there(
    ada: Actor, workspace: Workspace
) -> None:
    first = make_letter()
    closed = make_letter()
    fold_letter_counts()
    discard.discard_letter(workspace_id=workspace.id, letter_id=closed.id, reason="x", actor=ada)
    make_letter(type="test-raise")
    known = describe_groups(list(LetterGroup.objects.order_by("id")))
    LetterGroup.objects.all().delete()
    migration = import_module("dlq.migrations.0007_make_groups")
    with connection.cursor() as cursor:
        cursor.execute(migration._FILL)
    made = describe_groups(list(LetterGroup.objects.order_by("id")))
    assert [(each.group.id, each.count, each.deaths) for each in made] == [
        (each.group.id, each.count, each.deaths) for each in known
    ]
    assert (made[0].group.id, made[0].count, made[0].deaths) == (first.id, 1, 2)
    keep_up()
    assert group_of(first).letters == 1
