"""A dispatcher that is killed at any statement of a pass leaves each batch as it was before it."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from django.db import connection

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.ops.stress.driver import StressDriver
from controlplane.ops.stress.models import StressTask, StressTest
from controlplane.workspaces.actors import SYSTEM
from dlq.filters import LetterFilter
from dlq.models import DeadLetter, Replay, ReplayTask
from dlq.replay_driver import ReplayDriver
from dlq.replays import start_replay
from tasks_app.models import Task
from tasks_app.services.queues import forget_lanes
from tests.clients import default_workspace
from tests.factories import make_letter, make_stress_test
from tests.manual_worker import run_task
from tests.stress_driver import drive_to, end_tasks

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """As SIGKILL: nothing handles it."""


def kill_at(number: int) -> Callable[..., Any]:
    """Let this many statements pass, and no more. A savepoint's end is none: within the transaction
    of a test it stands for the commit, which is done or not."""
    left = iter(range(number))
    state = {"killed": False}

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        is_end = sql.startswith(("RELEASE SAVEPOINT", "ROLLBACK"))
        if not state["killed"] and not is_end and next(left, None) is None:
            state["killed"] = True
            raise Killed(sql)
        return execute(sql, params, many, context)

    return wrapper


def drive_killed_everywhere(drive: Callable[[], object], snapshot: Callable[[], Any]) -> int:
    """Passes that are killed at their first statement, their second, and so on, until one is over;
    how many were killed. None of those changed anything."""
    before = snapshot()
    for number in count():
        forget_lanes()
        try:
            with connection.execute_wrapper(kill_at(number)):
                drive()
        except Killed:
            assert snapshot() == before, f"killed at statement {number}"
        else:
            return number
    raise AssertionError("unreachable")


def rows(model: Any) -> list[Any]:
    return list(model.objects.order_by("pk").values())


def test_a_replay() -> None:
    letters = [make_letter() for _ in range(4)]
    replay = start_replay(
        workspace_id=default_workspace().id,
        letter_filter=LetterFilter(everything=True),
        actor=SYSTEM,
        stages=(2,),
    )

    def snapshot() -> Any:
        return [rows(model) for model in (Replay, ReplayTask, DeadLetter)], Task.objects.count()

    assert drive_killed_everywhere(ReplayDriver().drive, snapshot) > 10
    for task in ReplayTask.objects.filter(outcome=""):
        run_task(task.task_id)
    # The outcomes of the stage, the next stage and the rest.
    assert drive_killed_everywhere(ReplayDriver().drive, snapshot) > 10
    replay.refresh_from_db()
    assert (replay.stage, replay.submitted, replay.succeeded) == (1, 4, 2)
    submitted = ReplayTask.objects.order_by("letter_id").values_list("letter_id", flat=True)
    assert list(submitted) == [letter.id for letter in letters]
    assert Task.objects.filter(reprocess_of__isnull=False).count() == 4


def test_a_stress_test() -> None:
    test = make_stress_test(12, failure_rate=0.3, dependent_share=0.4, seed=7)

    def snapshot() -> Any:
        return [rows(model) for model in (StressTest, StressTask, DeadLetter)], Task.objects.count()

    drive = StressDriver().drive
    for _ in ("begins", "submits"):
        assert drive_killed_everywhere(drive, snapshot) > 3
    end_tasks(test)
    for _ in range(10):
        test.refresh_from_db()
        if test.state == "DONE":
            break
        StressTest.objects.filter(id=test.id).update(counted_at=None)
        assert drive_killed_everywhere(drive, snapshot) > 3
    assert (test.state, test.verdict, test.submitted) == ("DONE", "PASSED", 12)
    numbers = StressTask.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(12))
    assert DeadLetter.objects.filter(status="OPEN").count() == 0
    assert drive_to(test, "DONE").failed == test.expected_failed
