"""Work that is known before it comes."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django_celery_beat.models import PeriodicTask

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.clock import now as utc_now
from controlplane.ops.schedules.models import Schedule
from scaling.queries.demand import is_idle
from scaling.queries.expected import Expectations
from scaling.queries.lanes import list_lanes
from scaling.strategies import Demand, Expected
from tests.clients import default_workspace
from tests.factories import (
    make_queue,
    make_run,
    make_schedule,
    make_task,
    make_tasks,
    make_workflow,
)
from tests.factories.schedules import update
from tests.factories.workflows import end_run
from tests.integration.scaling.measuring import MINUTE, SECOND, look, make_counts
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    """The database's clock when the test began, in whole seconds as periods are counted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('second', clock_timestamp())")
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


def expected(
    at: datetime, *queues: str, per_second: float = 0.0, seconds: float = 900.0
) -> list[tuple[float, float]]:
    """Seconds from `at`, and tasks."""
    names = queues or ("*",)
    found = Expectations(names).list_expected(at, list_lanes(names), per_second, seconds)
    return [(round(each.at - at.timestamp(), 3), each.tasks) for each in found]


def every(minutes: int, at: datetime, **values: Any) -> Schedule:
    """A schedule that fires a hundred seconds after `at`, and then periodically."""
    since = at + 100 * SECOND - minutes * MINUTE
    return make_schedule(f"@every {minutes}m", since=since, **values)


def test_a_schedule_of_a_task(now: datetime) -> None:
    every(5, now)
    assert expected(now) == [(100.0, 1.0), (400.0, 1.0), (700.0, 1.0)]
    assert expected(now, seconds=399.0) == [(100.0, 1.0)]


def test_schedules_that_fire_together(now: datetime) -> None:
    for _ in range(3):
        every(10, now)
    assert expected(now) == [(100.0, 3.0), (700.0, 3.0)]


def test_what_is_due_and_not_fired_yet_comes_at_once(now: datetime) -> None:
    every(10, now)
    assert expected(now + 110 * SECOND) == [(0.0, 1.0), (590.0, 1.0)]
    assert expected(now + 200 * SECOND) == [(500.0, 1.0)], "it was missed"


def test_half_of_the_jitter_is_added(now: datetime) -> None:
    every(10, now, jitter_ms=40_000)
    assert expected(now) == [(120.0, 1.0), (720.0, 1.0)]


def test_a_schedule_that_is_measured_already(now: datetime) -> None:
    make_schedule("@every 1s", since=now - 300 * SECOND)
    make_schedule("@every 119s", since=now - 300 * SECOND)
    make_schedule("* * * * *", since=now - 600 * SECOND)
    assert expected(now) == []
    make_schedule("@every 120s", since=now - 230 * SECOND)
    assert expected(now, seconds=300.0) == [(10.0, 1.0), (130.0, 1.0), (250.0, 1.0)]


def test_disabled_and_ended_ones(now: datetime) -> None:
    schedule = every(5, now)
    update(schedule, enabled=False)
    ending = every(5, now)
    PeriodicTask.objects.filter(id=ending.periodic_task_id).update(expires=now + 200 * SECOND)
    assert expected(now) == [(100.0, 1.0)]


def test_a_plain_task_of_beat_is_no_work_of_the_engine(now: datetime) -> None:
    plain = every(5, now)
    Schedule.objects.filter(id=plain.id).update(task_type="")
    assert expected(now) == []


def test_only_the_queues_of_the_pool(now: datetime) -> None:
    every(10, now)
    every(15, now, queue="mail")
    assert expected(now, "mail") == [(100.0, 1.0)]
    assert expected(now, "default") == [(100.0, 1.0), (700.0, 1.0)]
    assert expected(now, "other") == []


def test_a_paused_or_limited_lane_takes_no_worker(now: datetime) -> None:
    every(10, now)
    make_task("SCHEDULED", run_at=now + 35 * SECOND)
    make_queue(paused_at=now)
    assert expected(now) == []
    make_queue(paused_at=None, max_running=1)
    assert expected(now) == []
    make_queue(max_running=None)
    assert expected(now) == [(35.0, 1.0), (100.0, 1.0), (700.0, 1.0)]


def test_a_workflow_that_never_ran_brings_its_steps(now: datetime) -> None:
    every(10, now, workflow_id=make_workflow().id)
    assert expected(now) == [(100.0, 2.0), (700.0, 2.0)]


def test_a_workflow_brings_what_its_newest_runs_brought(now: datetime) -> None:
    workflow = make_workflow()
    every(10, now, workflow_id=workflow.id)
    for tasks in (900, 3, 4, 5, 6, 7):  # the first is too old to count
        run = _ended_run(workflow)
        make_tasks(tasks, "COMPLETED", workflow_run_id=run.id, attempt=1, **_times(now))
    make_run(workflow)  # it has not ended: nobody knows what it will be
    assert expected(now) == [(100.0, 5.0), (700.0, 5.0)]
    assert expected(now, "mail") == []


def test_a_workflow_of_several_queues(now: datetime) -> None:
    workflow = make_workflow()
    every(10, now, workflow_id=workflow.id)
    run = _ended_run(workflow)
    make_tasks(2, "COMPLETED", workflow_run_id=run.id, attempt=1, **_times(now))
    make_tasks(9, "COMPLETED", workflow_run_id=run.id, attempt=1, queue="mail", **_times(now))
    assert expected(now, "mail") == [(100.0, 9.0), (700.0, 9.0)]
    assert expected(now)[0] == (100.0, 11.0)


def test_tasks_that_wait_for_their_time(now: datetime) -> None:
    make_tasks(40, "SCHEDULED", run_at=now + 25 * SECOND)
    make_tasks(2, "RETRYING", run_at=now + 29 * SECOND, attempt=1)
    make_task("SCHEDULED", run_at=now + 300 * SECOND)
    make_task("SCHEDULED", run_at=now - 30 * SECOND)
    make_task("SCHEDULED", run_at=now + 901 * SECOND)
    assert expected(now) == [(5.0, 1.0), (25.0, 42.0), (305.0, 1.0)]


def test_where_all_tasks_are_delayed_they_are_not_counted_twice(now: datetime) -> None:
    for ahead in range(60):
        make_tasks(2, "SCHEDULED", run_at=now + (ahead + 0.5) * SECOND)
    make_tasks(400, "SCHEDULED", run_at=now + 95 * SECOND)
    assert expected(now, per_second=2.0) == [(95.0, 380.0)]


def test_very_many_times_are_put_together(now: datetime) -> None:
    first = every(30, now)
    Schedule.objects.bulk_create(_like(first, second, now) for second in range(100, 500, 2))
    found = expected(now)
    assert len(found) <= 91
    assert sum(tasks for _, tasks in found) == 201


def test_schedules_are_read_again_after_half_a_minute(now: datetime) -> None:
    lanes = list_lanes(["*"])
    expectations = Expectations(["*"])
    every(10, now)

    def times(at: datetime) -> list[float]:
        found = expectations.list_expected(at, lanes, 0.0, 900.0)
        return [each.at - now.timestamp() for each in found]

    assert times(now) == pytest.approx([100, 700])
    every(10, now + 100 * SECOND)
    assert times(now + 20 * SECOND) == pytest.approx([100, 700])
    assert times(now + 31 * SECOND) == pytest.approx([100, 200, 700, 800])


def test_a_pool_that_expects_work_soon_is_not_idle() -> None:
    make_task("SCHEDULED", run_at=utc_now() + 300 * SECOND)
    assert is_idle(look())
    make_task("SCHEDULED", run_at=utc_now() + 60 * SECOND)
    found = look()
    assert [each.tasks for each in found.expected] == [1.0, 1.0]
    assert isinstance(found.expected[0], Expected)
    assert Demand.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert not is_idle(found)


def test_a_long_start_up_looks_further_ahead() -> None:
    make_task("SCHEDULED", run_at=utc_now() + 1_500 * SECOND)
    assert look().expected == ()
    assert len(look(counts=make_counts(startup=1_500.0)).expected) == 1


def _ended_run(workflow: Any) -> WorkflowRun:
    run = make_run(workflow)
    end_run(run.id, "COMPLETED")
    # What the test writes itself is all that it has.
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tasks_app_task WHERE workflow_run_id = %s", [run.id])
    return run


def _times(at: datetime) -> dict[str, Any]:
    return {"started_at": at, "finished_at": at}


def _like(schedule: Schedule, second: int, at: datetime) -> Schedule:
    """The same, once and at another time."""
    task = schedule.periodic_task
    task.pk, task.name = None, f"copy {schedule.id} {second}"
    task.save()
    return Schedule(
        workspace=default_workspace(),
        periodic_task=task,
        name=task.name,
        task_type="test-echo",
        considered_until=at,
        created_at=at + timedelta(seconds=second) - 30 * MINUTE,
        next_at=at + timedelta(seconds=second),
        created_by="a test",
    )
