"""A handler's end is recorded as what it was, whatever the handler does to hide it."""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from django.db import connection

from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app import services
from tasks_app.models import Task, TaskAttempt, TaskLog
from tasks_app.services import submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests import fault_handlers  # noqa: F401 - registers its types here, too
from tests.engine import Engine
from tests.isolation import handlers  # noqa: F401 - as above
from tests.standing import StandingEngine


def submit(task_type: str, payload: dict[str, Any] | None = None, **options: Any) -> UUID:
    return submit_task(spec=TaskSpec(type=task_type, payload=payload or {}, **options))


def submit_many(task_type: str, count: int, payload: dict[str, Any] | None = None) -> list[UUID]:
    return submit_tasks(specs=[TaskSpec(type=task_type, payload=payload or {})] * count)


def start(engine: Engine, **env: str) -> None:
    modules = "tests.handlers,tests.isolation.handlers,tests.fault_handlers"
    engine.worker(concurrency=1, TASKPLANE_PROCESSORS=modules, **env)
    engine.dispatcher()


def ending(task_id: UUID) -> tuple[str, list[str], str]:
    """State, outcomes of the attempts, and the class of the error."""
    task = Task.objects.get(id=task_id)
    outcomes = TaskAttempt.objects.filter(task_id=task_id).order_by("attempt")
    return (
        task.state,
        list(outcomes.values_list("outcome", flat=True)),
        (task.error or {}).get("class", ""),
    )


def terminate_sessions() -> int:
    """End every other session of the tests' database, as a failover does. How many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


def test_an_interrupted_handler_cannot_hide_it(single: StandingEngine) -> None:
    timed_out = [
        submit(f"fault-{name}")
        for name in (
            "returns-after-strike", "cleanup-fails", "swallows-async", "cleanup-fails-async",
            "blocks-async",
        )
    ]  # fmt: skip
    single.wait_for_all(timed_out)
    cancelled = submit("fault-swallows-cancel")
    single.wait_for(cancelled, state="RUNNING")
    services.cancel_task(workspace_id=get_default_workspace_id(), task_id=cancelled, actor=SYSTEM)
    single.wait_for(cancelled)
    for task_id in timed_out:
        assert ending(task_id) == ("FAILED", ["TIMED_OUT"], "TaskTimedOut"), task_id
        assert Task.objects.get(id=task_id).error["category"] == "TIMEOUT"  # type: ignore[index]
        assert Task.objects.get(id=task_id).result is None
    assert "raised ValueError: the clean-up failed" in str(Task.objects.get(id=timed_out[1]).error)
    assert ending(cancelled)[:2] == ("CANCELLED", ["CANCELLED"])


def test_an_error_whose_text_ends_the_process_is_a_failure(single: StandingEngine) -> None:
    sync, rule = submit("fault-unreadable"), submit("fault-retry-rule")
    poison, *neighbours = submit_tasks(
        specs=[
            TaskSpec(type="fault-unreadable-async"),
            *[TaskSpec(type="test-work-async", payload={"ms": 300})] * 30,
        ]
    )
    single.wait_for_all([sync, poison, *neighbours])
    assert ending(sync) == ("FAILED", ["FAILED"], "UnreadableError")
    assert ending(poison) == ("FAILED", ["FAILED"], "UnreadableError")
    assert "__str__ raised SystemExit" in Task.objects.get(id=sync).error["message"]  # type: ignore[index]
    assert Task.objects.filter(id__in=neighbours, state="COMPLETED", attempt=1).count() == 30
    assert single.wait_for(rule).error["class"] == "ValueError"  # type: ignore[index]


def test_a_handler_that_cancels_every_asyncio_task_harms_itself_only(
    single: StandingEngine,
) -> None:
    neighbours = submit_many("test-work-async", 20, {"ms": 1_000})
    single.wait_for(neighbours[0], state="RUNNING")
    poison = submit("test-leave-async", {"case": "cancel-all-tasks"}, timeout_seconds=5)
    single.wait_for_all([poison, *neighbours])
    assert ending(poison) == ("FAILED", ["FAILED"], "CancelledError")
    assert Task.objects.filter(id__in=neighbours, state="COMPLETED", attempt=1).count() == 20
    assert "cancel the asyncio tasks of other handlers" in str(
        list(TaskLog.objects.filter(task_id=poison).values_list("message", flat=True))
    )


def is_alive(pid: int) -> bool:
    """Whether it still runs; one that nobody has waited for is dead."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_forked_child_ends_where_its_handler_does(single: StandingEngine, tmp_path: Path) -> None:
    forks = submit_many("fault-fork", 3, {"folder": str(tmp_path)})
    after = submit_many("noop", 60)
    single.wait_for_all(forks + after)
    assert [Task.objects.get(id=task_id).result for task_id in forks] == ["the parent"] * 3
    assert TaskAttempt.objects.filter(task_id__in=after, outcome="SUCCEEDED").count() == 60
    assert TaskAttempt.objects.filter(task_id__in=forks + after).count() == 63
    children = [int(path.name) for path in tmp_path.iterdir()]
    assert len(children) == 3
    single.wait(lambda: not any(map(is_alive, children)), "the end of the forked children")
    assert not any("Pool child ends" in each.output() for each in single._started)


def test_a_text_of_many_megabytes_is_cut_before_anything_is_done_with_it(
    single: StandingEngine,
) -> None:
    task = single.wait_for(submit("fault-long-text", {"length": 100_000_000}), timeout=60)
    assert task.error is not None
    assert (task.error["category"], len(task.error["class"])) == ("CODE", 200)
    assert len(task.error["message"]) == 2_000
    assert "long_text" in task.error["traceback"]
    line = TaskLog.objects.get(task_id=task.id)
    assert (len(line.message), len(json.dumps(line.fields)) < 9_000) == (8_000, True)


def test_a_terminated_session_fails_what_used_it_and_nothing_else(single: StandingEngine) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS isolation_writes (task uuid)")
    ids = submit_many("test-write-row", 600)

    def has_completed(number: int) -> bool:
        return Task.objects.filter(id__in=ids, state="COMPLETED").count() >= number

    for number in (1, 100, 250):
        single.wait(partial(has_completed, number), f"{number} tasks")
        terminate_sessions()
    single.wait_for_all(ids)
    failed = Task.objects.filter(id__in=ids, state="FAILED").count()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT task) FROM isolation_writes")
        written = int(cursor.fetchone()[0])
        cursor.execute("DROP TABLE isolation_writes")
    assert failed <= 3
    assert written >= 600 - failed


def test_async_handlers_go_on_after_a_failover(single: StandingEngine) -> None:
    for _ in range(3):
        before = submit_many("fault-count-async", 60) + submit_many("test-enqueue-async", 40)
        single.wait_for_all(before)
        assert not Task.objects.filter(id__in=before).exclude(state="COMPLETED").exists()
        terminate_sessions()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        # Worker: an agent and one slot with three; the dispatcher.
        assert int(cursor.fetchone()[0]) <= 5


def test_a_call_that_never_returns_holds_up_no_other_async_handler(single: StandingEngine) -> None:
    single.wait_for_all(submit_many("fault-count-async", 100))  # calls that ended in the thread
    stuck = submit("fault-blocks-thread")
    neighbours = submit_many("fault-count-async", 20)
    single.wait_for_all([stuck, *neighbours], timeout=15)
    assert ending(stuck)[:2] == ("FAILED", ["TIMED_OUT"])
    assert Task.objects.filter(id__in=neighbours, state="COMPLETED").count() == 20
    single.wait_for_all(submit_many("fault-count-async", 20), timeout=15)


def test_a_call_that_never_returns_does_not_delay_the_next_child(single: StandingEngine) -> None:
    stuck = submit("fault-blocks-thread")
    single.wait_for(stuck)
    time.sleep(1.5)  # until the thread counts as stuck
    single.wait_for_all(submit_many("fault-count-async", 20), timeout=10)


def test_a_pool_child_is_replaced_after_a_number_of_tasks(engine: Engine) -> None:
    start(engine, WORKER_RECYCLE_AFTER_TASKS="50")
    ids = submit_many("fault-needs-unspoilt", 200)
    engine.wait_for_all(ids)
    pids = set(Task.objects.filter(id__in=ids, attempt=1).values_list("result", flat=True))
    assert len(pids) >= 3
    assert Task.objects.filter(id__in=ids, state="COMPLETED", attempt=1).count() == 200


def test_a_pool_child_in_which_everything_fails_is_replaced(engine: Engine) -> None:
    start(engine, WORKER_RECYCLE_AFTER_FAILURES="20")
    engine.wait_for(submit("fault-needs-unspoilt"))
    engine.wait_for(submit("fault-spoil"))
    first = submit_many("fault-needs-unspoilt", 400)
    engine.wait_for_all(first)
    later = submit_many("fault-needs-unspoilt", 20)
    engine.wait_for_all(later)
    assert Task.objects.filter(id__in=later, state="COMPLETED").count() == 20
