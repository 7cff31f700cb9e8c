"""What a handler does to its process is no neighbour's fault."""

import time

import pytest
from django.db import connection

from tasks_app.models import Task, TaskAttempt, TaskLog
from tasks_app.services import submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.engine import Engine
from tests.standing import StandingEngine


@pytest.mark.nightly
@pytest.mark.ci
def test_an_async_handler_that_crashes_again_and_again_takes_nobody_along(
    single: StandingEngine,
) -> None:
    """All of them fly together when it crashes first; afterwards nobody flies with it."""
    work = TaskSpec(type="test-work-async", payload={"ms": 400})
    poison, *neighbours = submit_tasks(specs=[TaskSpec(type="test-segfault-async")] + [work] * 20)
    assert single.wait_for(poison, timeout=60).state == "FAILED"
    single.wait_for_all(neighbours)
    assert Task.objects.filter(id__in=neighbours, state="COMPLETED").count() == 20
    assert Task.objects.filter(id__in=neighbours, lost_count__lte=1).count() == 20


def test_a_query_cut_off_by_a_time_out_does_not_fail_the_next_handler(
    single: StandingEngine,
) -> None:
    warm = submit_tasks(specs=[TaskSpec(type="test-query")] * 20)
    single.wait_for_all(warm)
    slow = submit_task(spec=TaskSpec(type="test-slow-query", priority=1))
    after = submit_tasks(specs=[TaskSpec(type="test-query")] * 20)
    single.wait_for_all([slow, *after])
    assert Task.objects.get(id=slow).error["category"] == "TIMEOUT"  # type: ignore[index]
    failed = Task.objects.filter(id__in=after).exclude(state="COMPLETED")
    assert list(failed.values_list("error__message", flat=True)) == []


@pytest.mark.nightly
@pytest.mark.ci
def test_reports_outlive_a_database_that_drops_its_clients(engine: Engine) -> None:
    engine.dispatcher()
    engine.worker(concurrency=2)
    talks = submit_tasks(specs=[TaskSpec(type=f"test-chatty{kind}") for kind in ("", "-async")])
    for task in talks:
        engine.wait_for(task, state="RUNNING")
    for _ in range(6):
        time.sleep(0.35)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    engine.wait_for_all(talks)
    outcomes = TaskAttempt.objects.filter(task_id__in=talks).values_list("outcome", flat=True)
    assert list(outcomes) == ["SUCCEEDED"] * 2
    for task in talks:
        lines = TaskLog.objects.filter(task_id=task).order_by("id")
        assert list(lines.values_list("message", flat=True)) == [f"line {n}" for n in range(60)]
