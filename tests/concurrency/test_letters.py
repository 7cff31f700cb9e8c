"""Letters and replays under races: each death one letter, each letter one repetition."""

import time
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from controlplane.core.errors import Conflict
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from dlq import bulk, replays
from dlq.discard import discard_letter
from dlq.filters import LetterFilter
from dlq.models import DeadLetter, Replay, ReplayTask
from dlq.replay_driver import ReplayDriver
from dlq.reprocess import reprocess_letter
from tasks_app.models import Task
from tasks_app.services import retry_tasks, submit_task, submit_tasks
from tasks_app.signals import task_dead_lettered
from tasks_app.specs import TaskSpec
from tests.concurrency.racing import Racers
from tests.manual_worker import claim, failure, finish, register_node

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

ROUNDS = 15


def deaths(node: int, count: int) -> list[DeadLetter]:
    """The letters of new tasks that died on this node."""
    ids = submit_tasks(specs=[TaskSpec(type="noop", max_attempts=1)] * count)
    rows = claim(node, want=count)
    assert len(rows) == count
    finish(node, [failure(row) for row in rows])
    return list(DeadLetter.objects.filter(task_id__in=ids).order_by("id"))


def reprocess(letter: DeadLetter) -> UUID | None:
    """The new task, or None when it was refused."""
    try:
        return reprocess_letter(
            workspace_id=get_default_workspace_id(), letter_id=letter.id, actor=SYSTEM
        ).reprocessed_task_id
    except Conflict:
        return None


def test_a_worker_writes_the_letters_with_its_outcomes() -> None:
    letters = deaths(register_node(), 3)
    assert [letter.error["message"] for letter in letters] == ["by hand"] * 3
    assert [len(letter.attempts) for letter in letters] == [1, 1, 1]
    assert letters[0].attempts[0]["workerNode"].startswith("by-hand#")


def test_a_receiver_that_fails_for_one_death_leaves_the_others_theirs() -> None:
    """A task whose death cannot be recorded is tried again later, and has no letter."""
    node = register_node()
    ids = submit_tasks(
        specs=[TaskSpec(type="noop", max_attempts=1, name=name) for name in ("a", "refuses", "c")]
    )

    def refuse(task_ids: list[UUID], using: str, **_: Any) -> None:
        if Task.objects.using(using).filter(id__in=task_ids, name="refuses").exists():
            raise RuntimeError("no mourners today")

    task_dead_lettered.connect(refuse)
    try:
        finish(node, [failure(row) for row in claim(node, want=3)])
    finally:
        task_dead_lettered.disconnect(refuse)
    states = dict(Task.objects.filter(id__in=ids).values_list("name", "state"))
    assert states == {"a": "FAILED", "refuses": "RETRYING", "c": "FAILED"}
    assert set(DeadLetter.objects.values_list("name", flat=True)) == {"a", "c"}


def test_two_operators_reprocess_a_letter_once(two: Racers) -> None:
    node = register_node()
    for letter in deaths(node, ROUNDS):
        answers = two.race(*[partial(reprocess, letter)] * 2)
        assert sum(answer is not None for answer in answers) == 1
        assert Task.objects.filter(reprocess_of=letter.task_id).count() == 1


def test_reprocessing_races_discarding(two: Racers) -> None:
    node = register_node()
    for letter in deaths(node, ROUNDS):

        def discard(letter: DeadLetter = letter) -> bool:
            try:
                discard_letter(
                    workspace_id=get_default_workspace_id(),
                    letter_id=letter.id,
                    reason="no",
                    actor=SYSTEM,
                )
            except Conflict:
                return False
            return True

        task, discarded = two.race(partial(reprocess, letter), discard)
        letter.refresh_from_db()
        assert (task is not None) != discarded
        assert letter.status == ("DISCARDED" if discarded else "REPROCESSED")
        assert Task.objects.filter(reprocess_of=letter.task_id).exists() == (not discarded)


def test_reprocessing_families_races_retrying_them_without_a_deadlock(two: Racers) -> None:
    """Both lock tasks before letters, in the order of ids."""
    node, workspace = register_node(), get_default_workspace_id()
    for _ in range(ROUNDS):
        parent = submit_task(spec=TaskSpec(type="noop", max_attempts=1))
        child = submit_task(spec=TaskSpec(type="noop", depends_on=[parent]))
        finish(node, [failure(row) for row in claim(node)])
        wanted = LetterFilter(task_ids=(parent, child))
        result, retried = two.race(
            lambda wanted=wanted: bulk.act_on_letters(  # type: ignore[misc]
                workspace_id=workspace, action="reprocess", letter_filter=wanted, actor=SYSTEM
            ),
            lambda ids=(parent, child): retry_tasks(  # type: ignore[misc]
                workspace_id=workspace, ids=ids, actor=SYSTEM
            ),
        )
        assert sorted(retried) == sorted([parent, child])
        repeats = Task.objects.filter(reprocess_of__in=[parent, child]).count()
        assert repeats == result.changed
        assert not DeadLetter.objects.filter(status="OPEN").exists()
        Task.objects.all().delete()


def test_two_drivers_submit_nothing_twice(two: Racers) -> None:
    node, workspace = register_node(), get_default_workspace_id()
    letters = deaths(node, 150)
    replay = replays.start_replay(
        workspace_id=workspace,
        letter_filter=LetterFilter(everything=True),
        actor=SYSTEM,
        stages=(100,),
    )

    def drive() -> None:
        for _ in range(10):
            ReplayDriver().drive()

    two.race(drive, drive)
    replay.refresh_from_db()
    assert (replay.submitted, replay.skipped, replay.state) == (100, 0, "RUNNING")
    assert Task.objects.filter(reprocess_of__isnull=False).count() == 100
    done = list(ReplayTask.objects.order_by("letter_id").values_list("letter_id", flat=True))
    assert done == [letter.id for letter in letters[:100]]


def test_a_second_driver_does_not_wait_for_the_first(two: Racers) -> None:
    deaths(register_node(), 1)
    replay = replays.start_replay(
        workspace_id=get_default_workspace_id(),
        letter_filter=LetterFilter(everything=True),
        actor=SYSTEM,
    )
    with transaction.atomic():
        Replay.objects.select_for_update().get(id=replay.id)
        assert two.start(ReplayDriver().drive).result(5) is False
    replay.refresh_from_db()
    assert replay.submitted == 0


def test_a_cancel_waits_for_the_driver_and_then_nothing_more_is_submitted(two: Racers) -> None:
    workspace = get_default_workspace_id()
    deaths(register_node(), 20)
    replay = replays.start_replay(
        workspace_id=workspace, letter_filter=LetterFilter(everything=True), actor=SYSTEM, stages=()
    )
    with transaction.atomic():
        Replay.objects.select_for_update().get(id=replay.id)
        cancel = two.start(
            lambda: replays.cancel_replay(workspace_id=workspace, replay_id=replay.id, actor=SYSTEM)
        )
        time.sleep(0.2)
        assert not cancel.done()
    assert cancel.result(10).state == "CANCELLED"
    ReplayDriver().drive()
    assert not Task.objects.filter(reprocess_of__isnull=False).exists()
