"""Workflows with their runs, one of which waits for a person; a replay; a stress test; API keys."""

from collections import Counter
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import count
from math import sin
from typing import Any
from uuid import UUID, uuid4

from controlplane import __version__
from controlplane.core.ids import first_id_of
from controlplane.core.runtime.histograms import bucket_of
from controlplane.ops.stress.checks import AuditCounts
from controlplane.ops.stress.control import start_test
from controlplane.ops.stress.models import StressSample, StressTest
from controlplane.ops.stress.report import Point, Summary, write_report
from controlplane.ops.stress.spec import make_spec
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import ApiKey, Workspace
from controlplane.workspaces.services import create_api_key
from dlq.models import DeadLetter, Replay, ReplayTask
from scripts.demo.story import HOUR, MINUTE
from tasks_app.models import Queue, Task, TaskAttempt
from workflows.authoring import create_workflow
from workflows.models import RunStep, Workflow, WorkflowRun, WorkflowVersion

SECOND = timedelta(seconds=1)
_DATA = "data-processing"
_ACCOUNTS = 12
_PAYOUT: list[dict[str, Any]] = [
    {"key": "load_payouts", "type": _DATA, "payload": {"data": "payouts"}},
    {
        "key": "verify_accounts", "type": _DATA, "dependsOn": ["load_payouts"],
        "forEach": "input.accounts", "onFailure": "continue", "payload": {"data": "{{ item }}"},
    },
    {
        "key": "fetch_rates", "type": _DATA, "dependsOn": ["load_payouts"],
        "payload": {"data": "rates"},
    },
    {
        "key": "finance_approval", "type": "approval", "dependsOn": ["load_payouts"],
        "when": "input.total > 250000",
        "payload": {"message": "Pay out EUR {{ input.total }}?", "timeoutSeconds": 86400},
    },
    {
        "key": "send_payouts", "type": _DATA,
        "dependsOn": ["verify_accounts", "fetch_rates", "finance_approval"],
        "payload": {"data": "send"},
    },
    {
        "key": "notify_partners", "type": _DATA, "dependsOn": ["send_payouts"],
        "payload": {"data": "notify"},
    },
]  # fmt: skip
_CATALOG: list[dict[str, Any]] = [
    {"key": "fetch_catalog", "type": _DATA, "payload": {"data": "catalog"}},
    {"key": "match_products", "type": _DATA, "dependsOn": ["fetch_catalog"],
     "payload": {"data": "match"}},
    {"key": "publish", "type": _DATA, "dependsOn": ["match_products"],
     "payload": {"data": "publish"}},
]  # fmt: skip
_MISSING = {
    "step": "match_products",
    "class": "KeyError",
    "message": "'sku'",
    "category": "CODE",
}


def make_automation(workspace: Workspace, now: datetime) -> None:
    """Everything of this module."""
    make_runs(workspace, now)
    make_replay(workspace, now)
    make_stress_test(workspace, now)
    make_keys(workspace, now)


# ---- workflows ----


def make_runs(workspace: Workspace, now: datetime) -> None:
    """A day of runs; the newest waits for an approval."""
    payout = _define(
        workspace, "payout-settlement", _PAYOUT, now, "Pays a merchant what it is owed."
    )
    catalog = _define(workspace, "catalog-sync", _CATALOG, now, "Copies the shop's catalogue.")
    for number in range(20, 0, -1):
        at = now - HOUR * number - 11 * MINUTE
        has_failed = number in (2, 9)
        _past_run(catalog, at, error=_MISSING if has_failed else None)
        if number % 8 == 5:
            _past_run(payout, at + 4 * MINUTE)
    _open_run(workspace, payout, now - 17 * MINUTE)


def _define(
    workspace: Workspace, name: str, steps: list[dict[str, Any]], now: datetime, text: str
) -> WorkflowVersion:
    body = {"name": name, "description": text, "tasks": steps}
    workflow = create_workflow(workspace_id=workspace.id, body=body, actor=SYSTEM)
    month_ago = now - 30 * 24 * HOUR
    Workflow.objects.filter(id=workflow.id).update(created_at=month_ago, updated_at=month_ago)
    return workflow.versions.get()


def _run(version: WorkflowVersion, at: datetime, **fields: Any) -> WorkflowRun:
    return WorkflowRun.objects.create(
        id=id_of(at),
        workspace_id=version.workflow.workspace_id,
        workflow=version.workflow,
        version=version,
        started_by="merchant-portal",
        created_at=at,
        **fields,
    )


def _steps_of(version: WorkflowVersion) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = version.definition["tasks"]
    return found


def _past_run(version: WorkflowVersion, at: datetime, error: Any = None) -> None:
    """A run that completed, or that ended with the step that `error` names."""
    steps = _steps_of(version)
    ended = at + 40 * SECOND * len(steps)
    run = _run(
        version, at, state="FAILED" if error else "COMPLETED", error=error,
        input={"total": 118_400, "accounts": ["a-01", "a-02"]}, steps_total=len(steps),
        steps_ended=len(steps), finished_at=ended,
    )  # fmt: skip
    state = "COMPLETED"
    for position, step in enumerate(steps):
        begun = at + 38 * SECOND * position
        fields: dict[str, Any] = {"state": state, "started_at": begun}
        if error and step["key"] == error["step"]:
            state = "CANCELLED"  # of the steps that follow
            fields |= {"state": "FAILED", "error": error}
        elif state == "CANCELLED":
            fields |= {"reason": {"code": "RUN_FAILED", "message": "The run failed elsewhere."}}
            del fields["started_at"]
        elif step.get("when"):
            reason = {"code": "CONDITION", "message": "Skipped: its condition was false."}
            fields |= {"state": "SKIPPED", "reason": reason}
        _step(run, position, step, finished_at=begun + 36 * SECOND, **fields)


def _open_run(workspace: Workspace, version: WorkflowVersion, at: datetime) -> None:
    """What could be done without the approval is done."""
    accounts = [f"a-{number:02d}" for number in range(1, _ACCOUNTS + 1)]
    steps = _steps_of(version)
    run = _run(
        version, at, state="RUNNING", input={"total": 412_880, "accounts": accounts},
        steps_total=len(steps), steps_ended=3,
    )  # fmt: skip
    queue = Queue.objects.get(workspace=workspace, name="default")
    numbers = count(1)
    took = {"load_payouts": 12, "verify_accounts": 95, "fetch_rates": 2}
    for position, step in enumerate(steps):
        key = step["key"]
        begun = at + (12 if position else 0) * SECOND
        if key in took:
            ended = begun + took[key] * SECOND
            names = accounts if step.get("forEach") else [""]
            ids = [
                _task(queue, run, key, f"{key} {name}".strip(), begun, ended, next(numbers))
                for name in names
            ]
            _step(run, position, step, state="COMPLETED", task_ids=ids, started_at=begun,
                  finished_at=ended, result={"ok": True})  # fmt: skip
        elif step["type"] == "approval":
            reason = {"code": "APPROVAL", "message": "A person has to decide."}
            _step(run, position, step, state="WAITING", started_at=begun, reason=reason,
                  wait_until=begun + 24 * HOUR)  # fmt: skip
        else:
            _step(run, position, step, state="PENDING", waits_for=1)


def id_of(at: datetime, number: int = 0) -> UUID:
    """An id of that time: version 7, variant 2."""
    low = uuid4().int & (1 << 62) - 1
    return UUID(int=first_id_of(at).int | 0x7 << 76 | number << 64 | 2 << 62 | low)


def _step(run: WorkflowRun, position: int, step: dict[str, Any], **fields: Any) -> None:
    RunStep.objects.create(
        run=run, key=step["key"], position=position, is_list=bool(step.get("forEach")), **fields
    )


def _task(queue: Queue, run: WorkflowRun, step_key: str, name: str, begun: datetime,
          ended: datetime, number: int) -> UUID:  # fmt: skip
    task = Task.objects.create(
        id=id_of(begun, number), workspace=queue.workspace, queue=queue, type=_DATA, name=name,
        state="COMPLETED", payload={"data": name}, attempt=1, max_attempts=3, round_attempts=3,
        timeout_ms=60_000, created_at=begun, started_at=begun, finished_at=ended, progress=100,
        result={"ok": True}, workflow_run_id=run.id, step_key=step_key,
    )  # fmt: skip
    TaskAttempt.objects.create(
        task=task, attempt=1, workspace_id=task.workspace_id, queue_id=queue.id, type=_DATA,
        node_id=1, outcome="SUCCEEDED", wait_ms=120, started_at=begun, finished_at=ended,
    )  # fmt: skip
    found: UUID = task.id
    return found


# ---- dead letters ----


def make_replay(workspace: Workspace, now: datetime) -> None:
    """A canary of an earlier day, whose letters are closed."""
    done = Task.objects.filter(workspace=workspace, state="COMPLETED").values_list("id", flat=True)
    closed = DeadLetter.objects.filter(workspace=workspace, status="DISCARDED").order_by("id")
    letters = list(closed.values_list("id", flat=True)[:12])
    replay = Replay.objects.create(
        workspace=workspace, state="COMPLETED", filter={"type": ["send-email"]}, stages=[5, 50],
        max_failure_share=0.2, stage=1, matched=len(letters), submitted=len(letters),
        succeeded=len(letters) - 1, failed=1, rate_per_second=2.0, created_by="mira.okafor",
        created_at=now - 26 * HOUR, finished_at=now - 26 * HOUR + 9 * SECOND,
    )  # fmt: skip
    ReplayTask.objects.bulk_create(
        ReplayTask(
            replay=replay,
            letter_id=letter,
            task_id=task,
            stage=0 if number < 5 else 1,
            outcome="FAILED" if number == 7 else "COMPLETED",
        )
        for number, (letter, task) in enumerate(zip(letters, done, strict=False))
    )


# ---- stress test ----


def make_stress_test(workspace: Workspace, now: datetime) -> None:
    """Ten thousand tasks, each as it was planned."""
    tasks, seconds = 10_000, 96
    begun = now - 3 * 24 * HOUR
    spec = make_spec(tasks=tasks, name="before release 4.12", duration_ms=100)
    test = start_test(workspace_id=workspace.id, spec=spec, actor=SYSTEM)
    waits = Counter({str(bucket_of(420.0 + 60 * each)): tasks // 10 for each in range(10)})
    counts = AuditCounts(
        completed=tasks, charged=tasks, attempts=tasks, longest_wait=1_240.0, longest_run=148.0,
        last_end=(begun + seconds * SECOND).timestamp(), outcomes={"SUCCEEDED": tasks},
        waits=dict(waits), runs={str(bucket_of(104.0)): tasks},
    )  # fmt: skip
    points = [_point(begun, each, seconds, tasks) for each in range(0, seconds + 1, 2)]
    environment = {"version": __version__, "nodes": 8, "slots": 128}
    report = write_report(
        counts,
        Summary(
            parameters={"tasks": tasks, "type": "sleep", "durationMs": 100.0},
            environment=environment, submitted=tasks, dependents=0, edges=0, begun_at=begun,
            submitted_at=begun + 61 * SECOND, ended_at=begun + seconds * SECOND, peak_running=126,
            peak_waiting=3_480, stale_writes=0, ends_as="DONE", reason="", points=points,
            scaling={},
        ),
    )  # fmt: skip
    StressSample.objects.bulk_create(StressSample(test=test, **asdict(point)) for point in points)
    StressTest.objects.filter(id=test.id).update(
        state="DONE", verdict="PASSED", report=report, environment=environment, submitted=tasks,
        completed=tasks, peak_running=126, peak_waiting=3_480, begun_at=begun, created_at=begun,
        submitted_at=begun + 61 * SECOND, finished_at=begun + (seconds + 2) * SECOND,
        waits=counts.waits, runs=counts.runs, created_by="jonas.weber",
    )  # fmt: skip


def _point(begun: datetime, second: int, seconds: int, tasks: int) -> Point:
    submitted = min(tasks, round(tasks * second / 61))
    ended = min(tasks, round(tasks * second / seconds))
    running = 0 if second in (0, seconds) else round(120 + 6 * sin(second / 5))
    return Point(
        at=begun + second * SECOND, submitted=submitted, ended=ended,
        waiting=max(0, submitted - ended - running), running=running, workers=8,
    )  # fmt: skip


# ---- keys ----


def make_keys(workspace: Workspace, now: datetime) -> None:
    """The keys of programs, one of them revoked."""
    for name, role, days, used in (
        ("checkout-api", "operator", 212, 4 * SECOND),
        ("merchant-portal", "operator", 97, 2 * MINUTE),
        ("grafana", "viewer", 61, 20 * SECOND),
        ("old-batch-host", "operator", 400, 40 * 24 * HOUR),
    ):
        made = create_api_key(workspace=workspace, name=name, role=role, actor=SYSTEM)
        ApiKey.objects.filter(id=made.key.id).update(
            created_at=now - 24 * HOUR * days,
            created_by="jonas.weber",
            last_used_at=now - used,
            revoked_at=now - 38 * 24 * HOUR if name.startswith("old") else None,
        )
