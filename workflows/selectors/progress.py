"""How far runs are."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from controlplane.core.percent import percent_done
from tasks_app.selectors.outcomes import get_blocked_counts
from workflows.models import RunStep, WorkflowRun
from workflows.states import OPEN_STEPS, RunState

MOST_OPEN_STEPS = 2_000
"""Open steps that a list of runs looks into. Those beyond count nothing, so the figure is too low
rather than slow."""


def get_progress(workspace_id: UUID, runs: Sequence[WorkflowRun]) -> dict[UUID, float]:
    """Percent by run, in two queries."""
    open_runs = [run.id for run in runs if run.state == RunState.RUNNING]
    shares: dict[UUID, float] = defaultdict(float)
    if open_runs:
        steps = RunStep.objects.filter(
            run_id__in=open_runs,
            state__in=[state.value for state in OPEN_STEPS],
            join_id__isnull=False,
        ).values_list("run_id", "join_id", "task_ids__len")[:MOST_OPEN_STEPS]
        rows = [(run, join, total or 0) for run, join, total in steps if join is not None]
        blocked = get_blocked_counts(workspace_id, [join for _, join, _ in rows])
        for run_id, join, total in rows:
            _, waits_for = blocked.get(join, ("", 0))
            shares[run_id] += share_of(total, total - waits_for)
    return {run.id: percent(run, shares[run.id]) for run in runs}


def share_of(tasks_total: int, tasks_ended: int) -> float:
    """What an open step counts: its tasks that have ended, of these tasks and its closing."""
    return max(0, min(tasks_total, tasks_ended)) / (tasks_total + 1)


def percent(run: WorkflowRun, open_shares: float) -> float:
    """Steps that have ended count 1 each, open ones their share."""
    return percent_done(run.steps_ended + open_shares, run.steps_total)
