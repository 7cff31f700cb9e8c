"""Workflows and runs, made by their services; states that only time makes are written."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from controlplane.core.clock import now
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import Workspace
from tests.clients import default_workspace
from workflows import authoring, runs
from workflows.models import RunStep, Workflow, WorkflowRun

CHAIN: list[dict[str, Any]] = [
    {"key": "charge", "type": "noop"},
    {"key": "ship", "type": "noop", "dependsOn": ["charge"]},
]
APPROVAL: list[dict[str, Any]] = [
    {"key": "look", "type": "approval", "payload": {"message": "Send it?"}},
    {"key": "send", "type": "noop", "dependsOn": ["look"]},
]


def make_workflow(
    name: str = "Order",
    tasks: Sequence[dict[str, Any]] = CHAIN,
    *,
    workspace: Workspace | None = None,
    **more: Any,
) -> Workflow:
    """A workflow, version 1."""
    return authoring.create_workflow(
        workspace_id=(workspace or default_workspace()).id,
        body={"name": name, "tasks": list(tasks), **more},
        actor=SYSTEM,
    )


def make_run(
    workflow: Workflow | None = None,
    value: Any = None,
    *,
    workspace: Workspace | None = None,
    **more: Any,
) -> WorkflowRun:
    """A run that has just started."""
    workflow = workflow or make_workflow(workspace=workspace)
    return runs.execute_workflow(
        workspace_id=workflow.workspace_id,
        workflow_id=workflow.id,
        input={} if value is None else value,
        actor=SYSTEM,
        **more,
    )


def end_step(run_id: UUID, key: str, state: str = "COMPLETED", **fields: Any) -> None:
    """Write that a step has ended, as its tasks would have brought it about."""
    at = now()
    RunStep.objects.filter(run_id=run_id, key=key).update(
        **{"state": state, "started_at": at, "finished_at": at, "waits_for": 0, **fields}
    )


def end_run(run_id: UUID, state: str = "FAILED", **fields: Any) -> None:
    """Write that a run has ended."""
    WorkflowRun.objects.filter(id=run_id).update(**{"state": state, "finished_at": now(), **fields})
