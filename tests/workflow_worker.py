"""A worker for runs of workflows, on the test's own connection: joins are really run, other tasks
return their payload, or fail when it says so."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app import endings
from tasks_app.models import Task
from tasks_app.rows import ClaimedRow, Outcome
from tests.factories import make_run, make_workflow
from tests.manual_worker import claim_here, failure, finish_here, success
from workflows import queries, runs
from workflows.models import RunStep, Workflow, WorkflowRun

TYPE = "test-echo"
FAIL = {"fail": True}  # a payload


def define(*steps: dict[str, Any], name: str = "flow", **more: Any) -> UUID:
    """A new workflow of these steps; what a step leaves out is a task that echoes its payload."""
    return make_workflow(name, [{"type": TYPE, **step} for step in steps], **more).id


def execute(workflow_id: UUID, value: Any = None, **more: Any) -> UUID:
    """A new run."""
    return make_run(Workflow.objects.get(id=workflow_id), value, **more).id


def run_steps(*steps: dict[str, Any], value: Any = None, name: str = "flow") -> UUID:
    """Define and execute."""
    return execute(define(*steps, name=name), value)


def make_outcome(row: ClaimedRow) -> Outcome:
    """How this worker ends a task."""
    payload = orjson.loads(row.payload)
    if payload.get("fail"):
        return failure(row)
    return endings.succeeded(row, payload, run_ms=1)


def run_join(row: ClaimedRow) -> Outcome:
    """What the processor of joins does, then its outcome."""
    payload = orjson.loads(row.payload)
    runs.advance_run(UUID(payload["runId"]), payload["stepKey"], join_id=row.id)
    return success(row)


def work(node: int, *, queue: str = "default", want: int = 300) -> int:
    """Run the tasks that are ready in a queue, once; returns their number."""
    rows = claim_here(node, want=want, queue=queue)
    finish_here(node, [make_outcome(row) for row in rows])
    return len(rows)


def join(node: int) -> int:
    """Run the joins that are ready, once; returns their number."""
    rows = claim_here(node, want=300, queue="workflows")
    for row in rows:
        finish_here(node, [run_join(row)])
    return len(rows)


def drain(node: int) -> None:
    """Work until nothing is ready."""
    while work(node) + join(node):
        pass


def state_of(run_id: UUID) -> str:
    return WorkflowRun.objects.get(id=run_id).state


def states_of(run_id: UUID) -> dict[str, str]:
    """The states of the steps, by their keys."""
    return dict(RunStep.objects.filter(run_id=run_id).values_list("key", "state"))


def step_of(run_id: UUID, key: str) -> RunStep:
    return RunStep.objects.get(run_id=run_id, key=key)


def payloads_of(run_id: UUID, key: str) -> list[Mapping[str, Any]]:
    """The payloads of a step's tasks, in the order of its items."""
    ids = step_of(run_id, key).task_ids
    found = Task.objects.in_bulk(ids)
    return [found[task].payload for task in ids]


def view(run_id: UUID) -> queries.RunView:
    return queries.describe_run(queries.get_run(get_default_workspace_id(), run_id))


def error_of(run: UUID) -> dict[str, Any]:
    return dict(WorkflowRun.objects.get(id=run).error or {})
