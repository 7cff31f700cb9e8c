"""Reads of runs: lists, ends, and progress."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from controlplane.core.errors import NotFound
from controlplane.core.formatting import percent_done
from workflows.models import RunStep, WorkflowRun
from workflows.queries.outcomes import get_blocked_counts
from workflows.states import OPEN_STEPS, RunState


def list_runs(
    workspace_id: UUID, workflow_id: UUID | None = None, statuses: Sequence[str] = ()
) -> QuerySet[WorkflowRun]:
    """Runs of a workspace, newest first, each with its workflow and the number of its version."""
    runs = _runs(workspace_id)
    if workflow_id is not None:
        runs = runs.filter(workflow_id=workflow_id)
    if statuses:
        runs = runs.filter(state__in=list(statuses))
    return runs.order_by("-id")


def get_run(workspace_id: UUID, run_id: UUID) -> WorkflowRun:
    """One run of a workspace. Raises NotFound."""
    run = _runs(workspace_id).filter(id=run_id).first()
    if run is None:
        raise NotFound(f"There is no workflow run {run_id}.")
    return run


def get_newest_run(workspace_id: UUID, workflow_id: UUID) -> WorkflowRun | None:
    """The newest run of a workflow, if it has any."""
    return list_runs(workspace_id, workflow_id).first()


def _runs(workspace_id: UUID) -> QuerySet[WorkflowRun]:
    """The definition, which may be large, is read only when it is used."""
    runs = WorkflowRun.objects.filter(workspace_id=workspace_id)
    return runs.select_related("workflow", "version").defer("version__definition")


@dataclass(frozen=True, slots=True)
class RunEnding:
    """A run's state; `finished_at` is None until it has ended."""

    state: str
    started_at: datetime
    finished_at: datetime | None
    error: dict[str, Any] | None


def list_run_endings(ids: Sequence[UUID]) -> dict[UUID, RunEnding]:
    """The states of these runs of any workspace; removed runs are left out."""
    if not ids:
        return {}
    runs = WorkflowRun.objects.filter(id__in=list(ids))
    rows = runs.values_list("id", "state", "created_at", "finished_at", "error")
    return {row[0]: RunEnding(*row[1:]) for row in rows}


MAX_OPEN_STEPS = 2_000
"""Maximum open steps that a list of runs reads. Further steps count nothing, so the figure is too
low rather than slow."""


def get_progress(workspace_id: UUID, runs: Sequence[WorkflowRun]) -> dict[UUID, float]:
    """Percent by run, in two queries."""
    open_runs = [run.id for run in runs if run.state == RunState.RUNNING]
    shares: dict[UUID, float] = defaultdict(float)
    if open_runs:
        steps = RunStep.objects.filter(
            run_id__in=open_runs,
            state__in=[state.value for state in OPEN_STEPS],
            join_id__isnull=False,
        ).values_list("run_id", "join_id", "task_ids__len")[:MAX_OPEN_STEPS]
        rows = [(run, join, total or 0) for run, join, total in steps if join is not None]
        blocked = get_blocked_counts(workspace_id, [join for _, join, _ in rows])
        for run_id, join, total in rows:
            _, waits_for = blocked.get(join, ("", 0))
            shares[run_id] += share_of(total, total - waits_for)
    return {run.id: percent(run, shares[run.id]) for run in runs}


def share_of(tasks_total: int, tasks_ended: int) -> float:
    """The share of an open step: its ended tasks among these tasks and its closing."""
    return max(0, min(tasks_total, tasks_ended)) / (tasks_total + 1)


def percent(run: WorkflowRun, open_shares: float) -> float:
    """Steps that have ended count 1 each, open ones their share."""
    return percent_done(run.steps_ended + open_shares, run.steps_total)
