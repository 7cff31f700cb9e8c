"""The engine on real workers: the outcome of each kind of handler.

What disturbs no neighbour runs on a standing engine.
"""

import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest

from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app import services
from tasks_app.models import Queue, Task, TaskAttempt, TaskLog
from tasks_app.services import submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.engine import Engine
from tests.factories import make_task
from tests.standing import StandingEngine
from workers.models import Node


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """Where handlers leave a file when they begin."""
    folder = tmp_path / "traces"
    folder.mkdir()
    return folder


def submit(task_type: str, payload: dict[str, Any] | None = None, **options: Any) -> UUID:
    return submit_task(spec=TaskSpec(type=task_type, payload=payload or {}, **options))


def error_of(task: Task) -> dict[str, Any]:
    assert task.error is not None
    return dict(task.error)


def outcomes(task_id: UUID) -> list[str]:
    return list(
        TaskAttempt.objects.filter(task_id=task_id)
        .order_by("attempt")
        .values_list("outcome", flat=True)
    )


def test_handlers_end_in_every_way(running: StandingEngine) -> None:
    """Many tasks at once: each ends as its handler says."""
    echo = submit("test-echo", {"a": [1, "ü"]})
    many = submit_tasks(specs=[TaskSpec(type="noop")] * 3_000)
    raises, fails = submit("test-raise"), submit("test-fail")
    not_json, nan, leaves = submit("test-not-json"), submit("test-nan"), submit("test-exit")
    snoozes, later, rule = (
        submit("test-snooze"),
        submit("test-retry-later"),
        submit("test-own-rule"),
    )
    parent = submit("test-parent")
    fly = submit_tasks(specs=[TaskSpec(type="sleep", payload={"ms": 20})] * 500)

    task = running.wait_for(echo)
    assert (task.state, task.result, task.attempt, task.progress) == (
        "COMPLETED",
        {"a": [1, "ü"]},
        1,
        100,
    )
    assert outcomes(echo) == ["SUCCEEDED"]

    task = running.wait_for(raises)
    assert (task.state, outcomes(raises)) == ("FAILED", ["FAILED"] * 3)
    assert error_of(task)["class"] == "ValueError"
    assert error_of(task)["message"] == "attempt 3 failed, token=***"
    assert "raise_error" in error_of(task)["traceback"]
    assert error_of(task)["category"] == "CODE"
    logs = list(TaskLog.objects.filter(task_id=raises).values_list("attempt", "message", "fields"))
    assert [(n, m) for n, m, _ in logs] == [(n, "about to fail") for n in (1, 2, 3)]
    assert "hunter2" not in str(logs)

    assert (running.wait_for(fails).state, outcomes(fails)) == ("FAILED", ["FAILED"])
    assert error_of(running.wait_for(not_json))["class"] == "ResultNotJson"
    assert error_of(running.wait_for(nan))["class"] == "ResultNotJson"
    assert error_of(running.wait_for(leaves))["class"] == "SystemExit"

    task = running.wait_for(snoozes)
    assert (task.state, task.result, task.attempt, task.max_attempts) == ("COMPLETED", 3, 3, 3)
    assert outcomes(snoozes) == ["SNOOZED", "SNOOZED", "SUCCEEDED"]
    assert (running.wait_for(later).result, outcomes(later)) == (2, ["FAILED", "SUCCEEDED"])
    assert (running.wait_for(rule).state, outcomes(rule)) == ("FAILED", ["FAILED"] * 2)

    task = running.wait_for(parent)
    assert outcomes(parent) == ["FAILED", "SUCCEEDED"]
    child = running.wait_for(UUID(task.result))
    assert Task.objects.filter(type="noop", idempotency_key=child.idempotency_key).count() == 1

    running.wait_for_all(many + fly)
    ends = TaskAttempt.objects.filter(task_id__in=many + fly, outcome="SUCCEEDED")
    assert ends.count() == 3_500
    assert Task.objects.filter(id__in=many + fly, state="COMPLETED", attempt=1).count() == 3_500


def test_time_outs_interrupt_then_kill(running: StandingEngine) -> None:
    hangs = [submit(kind) for kind in ("test-hang", "test-hang-async", "test-hang-deaf")]
    for task_id in hangs:
        task = running.wait_for(task_id, timeout=15)
        assert (task.state, error_of(task)["category"]) == ("FAILED", "TIMEOUT")
        assert "limit of 0.5 s" in error_of(task)["message"]
        assert outcomes(task_id) == ["TIMED_OUT"]
    assert running.wait_for(submit("noop")).state == "COMPLETED"


def test_a_handler_that_takes_its_process_along_is_quarantined(running: StandingEngine) -> None:
    poison = submit("test-segfault")
    neighbours = submit_tasks(specs=[TaskSpec(type="test-work", payload={"ms": 1})] * 40)
    task = running.wait_for(poison, timeout=40)
    assert (task.state, error_of(task)["category"]) == ("FAILED", "WORKER_LOST")
    assert outcomes(poison) == ["LOST"] * 3
    running.wait_for_all(neighbours)
    assert Task.objects.filter(id__in=neighbours, state="COMPLETED").count() == 40
    assert not Task.objects.filter(id__in=neighbours, lost_count__gt=0).exists()

    once = submit("test-kill-self", {"times": 1})
    task = running.wait_for(once)
    assert (task.state, outcomes(once)) == ("COMPLETED", ["LOST", "SUCCEEDED"])


def test_memory_is_limited(engine: Engine) -> None:
    engine.worker(concurrency=1, TASK_MEMORY_MAX_MB="300")
    task = engine.wait_for(submit("test-eat-memory"))
    assert (task.state, error_of(task)["category"]) == ("FAILED", "RESOURCE")
    assert "300 MB" in error_of(task)["message"]
    assert engine.wait_for(submit("noop")).state == "COMPLETED"


def test_running_tasks_are_cancelled(running: StandingEngine) -> None:
    """Asked first; then interrupted, sync and async alike; then killed."""
    workspace = get_default_workspace_id()
    # Each from a queue of its own: in a common batch one would wait for the other.
    ids = {
        "polite": submit("test-long", {"polite": True}, queue="polite"),
        "sync": submit("test-long", queue="sync"),
        "async": submit("test-long-async", queue="async"),
        "deaf": submit("test-hang-deaf", timeout_seconds=60, queue="deaf"),
    }
    for task_id in ids.values():
        running.wait_for(task_id, state="RUNNING")
    for task_id in ids.values():
        asked = services.cancel_task(workspace_id=workspace, task_id=task_id, actor=SYSTEM)
        assert asked == "asked"
    for name, task_id in ids.items():
        task = running.wait_for(task_id, timeout=15)
        assert task.state == "CANCELLED", name
        assert outcomes(task_id) == ["CANCELLED"], name


def test_progress_and_logs_show_while_it_runs(running: StandingEngine, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    task_id = submit("test-report", {"until": str(go_on)})
    running.wait(
        lambda: Task.objects.filter(id=task_id, progress=50, state="RUNNING").exists(),
        "50 % while it runs",
    )
    assert TaskLog.objects.filter(task_id=task_id, message="a quarter").exists()
    go_on.touch()
    assert running.wait_for(task_id).progress == 100
    last = TaskLog.objects.filter(task_id=task_id).last()
    assert last is not None
    assert (last.level, last.message, last.fields) == ("warning", "half way", {"left": 50})


def test_dependencies_fan_in(running: StandingEngine) -> None:
    numbers = [
        TaskSpec(type="test-number", payload={"value": n}, ref=f"n{n}", delay_ms=n % 3 * 100)
        for n in range(1, 101)
    ]
    merge = TaskSpec(type="test-merge", depends_on=[spec.ref or "" for spec in numbers])
    ids = submit_tasks(specs=[*numbers, merge])
    assert Task.objects.get(id=ids[-1]).state == "BLOCKED"
    assert running.wait_for(ids[-1]).result == {"sum": 5050}

    broken, cancelled, run, deep = submit_tasks(
        specs=[
            TaskSpec(type="test-number", payload={"fail": True}, ref="broken"),
            TaskSpec(type="noop", depends_on=["broken"], ref="cancelled"),
            TaskSpec(type="noop", depends_on=["broken"], on_parent_failure="run"),
            TaskSpec(type="noop", depends_on=["cancelled"]),
        ]
    )
    assert running.wait_for(run).state == "COMPLETED"
    for task_id, parent in ((cancelled, broken), (deep, cancelled)):
        task = running.wait_for(task_id)
        assert (task.state, error_of(task)["category"]) == ("CANCELLED", "CANCELLED_BY_PARENT")
        assert str(parent) in error_of(task)["message"]


def test_slow_neighbours_stall_no_claims(running: StandingEngine, tmp_path: Path) -> None:
    """Fast work claimed together with a slow handler moves to another slot."""
    go_on = tmp_path / "go-on"
    running.wait_for_all(submit_tasks(specs=[TaskSpec(type="noop")] * 2_000))
    slow = TaskSpec(type="test-wait", payload={"until": str(go_on)})
    ids = submit_tasks(specs=[*[TaskSpec(type="noop")] * 50, slow, *[TaskSpec(type="noop")] * 600])
    running.wait_for_all(ids[:50] + ids[51:])
    assert Task.objects.get(id=ids[50]).state == "RUNNING"
    go_on.touch()
    assert running.wait_for(ids[50]).state == "COMPLETED"
    assert TaskAttempt.objects.filter(task_id__in=ids).count() == len(ids)


@pytest.mark.nightly
@pytest.mark.ci
def test_rows_that_no_slot_knows_are_handed_back(running: StandingEngine) -> None:
    """As a claim leaves them whose commit lands after its child has given it up."""
    orphan = make_task("RUNNING", node_id=Node.objects.get(state="ACTIVE").id)
    task = running.wait_for(orphan.id, timeout=20)
    assert (task.state, task.attempt, outcomes(orphan.id)) == ("COMPLETED", 1, ["SUCCEEDED"])


def test_limits_and_pauses_of_queues(running: StandingEngine) -> None:
    workspace = get_default_workspace_id()
    submit("noop", queue="narrow")
    limits = {"max_running": 1}
    services.change_queue(workspace_id=workspace, name="narrow", actor=SYSTEM, changes=limits)
    ids = submit_tasks(specs=[TaskSpec(type="test-work", payload={"ms": 50}, queue="narrow")] * 12)
    running.wait_for_all(ids)
    spans = sorted(
        TaskAttempt.objects.filter(task_id__in=ids).values_list("started_at", "finished_at")
    )
    slack = timedelta(milliseconds=3)  # started_at and finished_at are read at two moments
    assert all(a[1] <= b[0] + slack for a, b in pairwise(spans))

    services.change_queue(
        workspace_id=workspace, name="narrow", actor=SYSTEM, changes={"paused": True}
    )
    held = submit("noop", queue="narrow")
    passes = submit("noop")
    running.wait_for(passes)
    time.sleep(1.2)
    assert Task.objects.get(id=held).state == "PENDING"
    services.change_queue(
        workspace_id=workspace, name="narrow", actor=SYSTEM, changes={"paused": False}
    )
    assert running.wait_for(held).state == "COMPLETED"


def test_rate_limits(running: StandingEngine) -> None:
    workspace = get_default_workspace_id()
    Queue.objects.create(workspace_id=workspace, name="rated", rate_per_second=20)
    ids = submit_tasks(specs=[TaskSpec(type="noop", queue="rated")] * 40)
    running.wait_for_all(ids)
    starts = sorted(
        TaskAttempt.objects.filter(task_id__in=ids).values_list("started_at", flat=True)
    )
    assert (starts[-1] - starts[0]).total_seconds() >= 0.9  # 40 starts, 20 of them saved up


def run_long(engine: Engine, traces: Path) -> UUID:
    """A task whose handler has begun, which a claimed task need not have."""
    task_id = submit("test-long", {"folder": str(traces)})
    engine.wait(lambda: [*traces.glob(f"{task_id}*")], "the beginning of a handler")
    return task_id


def test_shutdown_hands_back_what_cannot_finish(engine: Engine, traces: Path) -> None:
    worker = engine.worker(concurrency=1, SHUTDOWN_GRACE_SECONDS="1")
    running = run_long(engine, traces)
    assert worker.stop(10) == 0
    task = Task.objects.get(id=running)
    assert (task.state, task.lost_count, outcomes(running)) == ("PENDING", 0, ["INTERRUPTED"])
    assert Node.objects.get().state == "STOPPED"
    assert not worker.log.parent.joinpath("run").exists()


def test_a_killed_worker_leaves_nothing_behind(engine: Engine, traces: Path) -> None:
    worker = engine.worker(concurrency=2)
    running = run_long(engine, traces)
    family = [*worker.children(), worker.tree]
    worker.kill()
    task = engine.wait_for(running, state="PENDING", timeout=10)
    assert (task.lost_count, outcomes(running)) == (1, ["LOST"])
    engine.wait(lambda: Node.objects.get().state == "LOST", "the node's end")
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []


def test_the_health_service_reports_the_state(running: StandingEngine) -> None:
    import json
    import urllib.request

    node = Node.objects.get(state="ACTIVE")
    with urllib.request.urlopen(f"http://127.0.0.1:{node.health_port}/health/detailed") as answer:
        view = json.load(answer)
    assert (view["status"], view["nodeId"]) == ("ok", node.id)


def test_a_receiver_that_fails_loses_no_neighbours(engine: Engine) -> None:
    """`task_dead_lettered` is part of the outcome's transaction: where its receiver fails, no dead
    letter is recorded and the task tries again later, while the rest of its batch is written."""
    engine.worker(concurrency=1, TASKPLANE_PROCESSORS="tests.handlers,tests.failing_receiver")
    engine.wait_for_all(submit_tasks(specs=[TaskSpec(type="noop")] * 500))
    ids = submit_tasks(
        specs=[
            *[TaskSpec(type="noop")] * 20,
            TaskSpec(type="test-fail", name="refuses to be mourned"),
            *[TaskSpec(type="noop")] * 20,
        ]
    )
    engine.wait_for_all(ids[:20] + ids[21:])
    postponed = engine.wait_for(ids[20], state="RETRYING")
    assert error_of(postponed)["message"] == "no mourners today"
    assert (postponed.attempt, outcomes(ids[20])) == (1, ["INTERRUPTED"])
