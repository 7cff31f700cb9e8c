"""Groups of letters under races: no resolution hides a death, no decision is lost."""

from functools import partial

import pytest

from controlplane.core.errors import Conflict
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from controlplane.workspaces.queries import get_default_workspace_id
from dlq.discard import discard_letter
from dlq.grouping import GroupUpkeep
from dlq.groups import Decision, decide
from dlq.models import DeadLetter, GroupNote, LetterGroup
from dlq.recording import fold_letter_counts
from tasks_app.models import Task
from tasks_app.services import submit_tasks
from tasks_app.specs import TaskSpec
from tests.concurrency.racing import Racers
from tests.manual_worker import claim, failure, finish, register_node

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

Change = partial(decide, actor=SYSTEM)


def die(node: int, count: int = 1) -> list[DeadLetter]:
    """The letters of new tasks that died on this node."""
    ids = submit_tasks(specs=[TaskSpec(type="noop", max_attempts=1)] * count)
    rows = claim(node, want=count)
    finish(node, [failure(row) for row in rows])
    return list(DeadLetter.objects.filter(task_id__in=ids).order_by("id"))


def keep_up() -> None:
    fold_letter_counts()
    GroupUpkeep().run()


def discard(letter: DeadLetter) -> None:
    discard_letter(workspace_id=letter.workspace_id, letter_id=letter.id, reason="no", actor=SYSTEM)


def state() -> str:
    return str(LetterGroup.objects.get().state)


def test_a_death_and_a_resolution_at_the_same_time(two: Racers, rounds: int) -> None:
    """In either order, in the end no resolved group has an open letter, and none with one is
    counted as empty."""
    node, workspace = register_node(), get_default_workspace_id()
    for letter in die(node):
        discard(letter)
    fold_letter_counts()
    group = LetterGroup.objects.get()

    def resolve() -> None:
        try:
            decision = Decision(state="RESOLVED")
            Change(workspace_id=workspace, group_id=group.id, decision=decision)
        except Conflict:
            return

    for number in range(rounds):
        by_hand = resolve if number % 2 else keep_up
        letters, _ = two.race(partial(die, node), by_hand)
        two.race(keep_up, keep_up)
        assert state() in ("OPEN", "REGRESSED")
        assert LetterGroup.objects.get().letters == 1
        discard(letters[0])
        keep_up()
        assert state() == "RESOLVED"
        assert LetterGroup.objects.get().deaths == number + 2


def test_two_sweeps_resolve_a_group_once(two: Racers, rounds: int) -> None:
    node = register_node()
    for number in range(rounds):
        for letter in die(node):
            discard(letter)
        two.race(keep_up, keep_up)
        keep_up()
        assert state() == "RESOLVED"
        regressions = AuditEvent.objects.filter(action="dlq.group_regress").count()
        resolutions = AuditEvent.objects.filter(action="dlq.group_resolve").count()
        assert (regressions, resolutions) == (number, number + 1)


def test_of_two_operators_one_is_first(two: Racers, rounds: int) -> None:
    die(register_node())
    group = LetterGroup.objects.get()

    def change(decision: Decision, version: int) -> str:
        try:
            Change(
                workspace_id=group.workspace_id,
                group_id=group.id,
                decision=decision,
                seen_version=version,
            )
        except Conflict as error:
            return str(error)
        return ""

    for number in range(rounds):
        group.refresh_from_db()
        states = ("ACKNOWLEDGED", "OPEN") if group.state == "OPEN" else ("OPEN", "ACKNOWLEDGED")
        ticket = Decision(ticket=f"https://tickets.example/{number}")
        refusals = two.race(
            partial(change, Decision(state=states[0]), group.version),
            partial(change, ticket, group.version),
        )
        assert [bool(refusal) for refusal in sorted(refusals)] == [False, True]
        assert "look at the group again" in max(refusals)
        assert LetterGroup.objects.get().version == group.version + 1


def test_notes_of_two_are_both_kept(two: Racers, rounds: int) -> None:
    die(register_node())
    group = LetterGroup.objects.get()
    for number in range(rounds):
        two.race(
            *[
                partial(
                    Change,
                    workspace_id=group.workspace_id,
                    group_id=group.id,
                    decision=Decision(note=f"{number} {who}"),
                )
                for who in ("ada", "bob")
            ]
        )
    assert GroupNote.objects.count() == 2 * rounds


def test_first_deaths_of_many_failures_do_not_wait_for_each_other(two: Racers) -> None:
    """Two workers record the same new failures in opposite orders: neither waits for a row of the
    other, so neither can be the victim of a deadlock."""
    node = register_node()
    types = ["noop", "test-echo", "test-raise", "test-report"]
    for _ in range(10):
        LetterGroup.objects.all().delete()
        ids = submit_tasks(specs=[TaskSpec(type="noop", max_attempts=1)] * len(types) * 2)
        for pk, name in zip(ids, types * 2, strict=True):
            Task.objects.filter(id=pk).update(type=name)
        rows = claim(node, want=len(ids))
        assert len(rows) == len(ids)
        first, second = rows[: len(types)], rows[len(types) :][::-1]
        two.race(
            partial(finish, node, [failure(row) for row in first]),
            partial(finish, node, [failure(row) for row in second]),
        )
        keep_up()
        assert LetterGroup.objects.count() == len(types)
        DeadLetter.objects.all().delete()
