"""A worker played by hand for runs of workflows: joins are really run, other tasks answer their
payload, or fail when it says so."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.db import connection, transaction

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app import endings, transitions
from tasks_app.models import Task
from tasks_app.rows import ClaimedRow, Outcome
from tasks_app.settling import announce_dead_lettered, settle_ended
from tests.concurrency.hands import failure, success
from workflows import authoring, runs
from workflows.models import RunStep, WorkflowRun

TYPE = "test-echo"


def define(*steps: dict[str, Any], name: str = "flow", **more: Any) -> UUID:
    """A new workflow of these steps; what a step leaves out is a task that echoes its payload."""
    tasks = [{"type": TYPE, **step} for step in steps]
    workflow = authoring.create_workflow(
        workspace_id=get_default_workspace_id(),
        body={"name": name, "tasks": tasks, **more},
        actor=SYSTEM,
    )
    return workflow.id


def execute(workflow_id: UUID, value: Any = None, **more: Any) -> UUID:
    """A new run."""
    run = runs.execute_workflow(
        workspace_id=get_default_workspace_id(),
        workflow_id=workflow_id,
        input={} if value is None else value,
        actor=SYSTEM,
        **more,
    )
    return run.id


def run_steps(*steps: dict[str, Any], value: Any = None, name: str = "flow") -> UUID:
    """Define and execute."""
    return execute(define(*steps, name=name), value)


def claim(node: int, want: int = 1, queue: str = "default") -> list[ClaimedRow]:
    """As a worker claims, but on the test's own connection, whose transaction may be open."""
    with transaction.atomic(), connection.cursor() as cursor:
        return transitions.claim_ready(
            cursor, queue=queue, node=node, lease=uuid4(), want=want, after=0
        )


def finish(node: int, outcomes: Sequence[Outcome]) -> None:
    """As a worker writes outcomes, on the test's own connection."""
    with transaction.atomic(), connection.cursor() as cursor:
        ended = transitions.finish_leased(cursor, node=node, outcomes=outcomes)
        announce_dead_lettered(ended, using="default")
        settle_ended(cursor, ended, using="default")


def answer(row: ClaimedRow) -> Outcome:
    """What the played worker makes of a task."""
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
    """Do what is ready in a queue, once; how many tasks."""
    rows = claim(node, want=want, queue=queue)
    finish(node, [answer(row) for row in rows])
    return len(rows)


def join(node: int) -> int:
    """Run the joins that are ready, once; how many."""
    rows = claim(node, want=300, queue="workflows")
    for row in rows:
        finish(node, [run_join(row)])
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
