"""Sweeps of the dispatcher: open steps that nothing will close, and runs past their retention.

A step is closed by its join. A join may be cancelled by hand, fail for good, or be removed; then
the dispatcher closes the step in its place.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from controlplane.core.clock import now
from controlplane.core.sql import load_sql
from workflows.models import RunStep, WorkflowRun
from workflows.queries.outcomes import list_unfinished
from workflows.runs.operations import advance_run
from workflows.states import OPEN_STEPS, RunState, StepState

logger = logging.getLogger(__name__)

_BATCH = 2_000
_SECONDS = 1.0
_STEPS_PER_BATCH = 20_000  # of runs that are removed
_OPEN = [state.value for state in OPEN_STEPS]


def make_repair_sweep() -> Callable[[], bool]:
    """A sweep over all open steps, a batch at each call; after the last batch it begins again."""
    after = 0

    def sweep() -> bool:
        nonlocal after
        after = close_stuck_steps(after=after)
        return after > 0

    return sweep


def close_stuck_steps(*, after: int = 0, limit: int = _BATCH) -> int:
    """Close the orphaned steps among the next open ones. Returns the id after which to continue; 0
    at the end."""
    steps = list(
        RunStep.objects.filter(id__gt=after, state__in=_OPEN)
        .only("id", "run_id", "key", "state", "join_id", "child_run_id")
        .order_by("id")[:limit]
    )
    deadline = time.monotonic() + _SECONDS
    for step in _orphaned(steps):
        if time.monotonic() > deadline:
            return step.id - 1  # other sweeps take turns with this one
        try:
            if advance_run(step.run_id, step.key):
                logger.warning("Stuck step closed: run=%s step=%r", step.run_id, step.key)
        except Exception:
            if not connection.is_usable():
                raise
            # The others are closed all the same.
            logger.exception("Stuck step not closed: run=%s step=%r", step.run_id, step.key)
    return steps[-1].id if len(steps) == limit else 0


def _orphaned(steps: Sequence[RunStep]) -> list[RunStep]:
    """Steps that no join and no run will close, except those that wait only for a person."""
    joins = list_unfinished(step.join_id for step in steps if step.join_id)
    runs = _running_runs({step.child_run_id for step in steps if step.child_run_id})
    return [
        step
        for step in steps
        if (step.join_id not in joins if step.join_id else step.state == StepState.RUNNING)
        and step.child_run_id not in runs
    ]


def _running_runs(ids: set[UUID]) -> set[UUID]:
    runs = WorkflowRun.objects.filter(id__in=ids, state=RunState.RUNNING)
    return set(runs.values_list("id", flat=True)) if ids else set()


def prune_runs(limit: int) -> int:
    """Remove at most `limit` ended runs past the retention, and at most `limit` deleted workflows
    without runs. Returns how many of both."""
    before = now() - timedelta(days=settings.TASKPLANE["RETENTION_DAYS"])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            load_sql("workflows", "prune_runs"),
            {"before": before, "limit": limit, "steps": _STEPS_PER_BATCH},
        )
        removed: int = cursor.rowcount
        cursor.execute(
            "SELECT w.id FROM workflows_workflow w WHERE w.deleted_at < %(before)s AND NOT EXISTS"
            " (SELECT FROM workflows_workflowrun r WHERE r.workflow_id = w.id)"
            " ORDER BY w.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED",
            {"before": before, "limit": limit},
        )
        expired = [workflow for (workflow,) in cursor.fetchall()]
        for table, column in (("workflowversion", "workflow_id"), ("workflow", "id")):
            cursor.execute(
                f"DELETE FROM workflows_{table} WHERE {column} = ANY(%s)",  # noqa: S608 - from here
                [expired],
            )
        return removed + len(expired)
