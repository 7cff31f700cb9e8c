"""The watch over open steps: none stays open when what should close it is gone.

A step is closed by its join. A join may be cancelled by hand, fail for good, or be removed; then
the dispatcher closes the step in its place.
"""

import logging
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from django.db import connection

from tasks_app.selectors.outcomes import list_unfinished
from workflows.models import RunStep, WorkflowRun
from workflows.services.running import advance_run
from workflows.states import OPEN_STEPS, RunState, StepState

logger = logging.getLogger(__name__)

_BATCH = 2_000
_SECONDS = 1.0
_OPEN = [state.value for state in OPEN_STEPS]


def make_watch() -> Callable[[], bool]:
    """A sweep that looks at open steps, a batch at a time, round and round."""
    after = 0

    def watch() -> bool:
        nonlocal after
        after = mend_steps(after=after)
        return after > 0

    return watch


def mend_steps(*, after: int = 0, limit: int = _BATCH) -> int:
    """Close those of the next open steps that nobody else will close. Returns behind which step to
    go on, 0 at the end."""
    steps = list(
        RunStep.objects.filter(id__gt=after, state__in=_OPEN)
        .only("id", "run_id", "key", "state", "join_id", "child_run_id")
        .order_by("id")[:limit]
    )
    give_up = time.monotonic() + _SECONDS
    for step in _forsaken(steps):
        if time.monotonic() > give_up:
            return step.id - 1  # other sweeps want their turn
        try:
            if advance_run(step.run_id, step.key):
                logger.warning(
                    "Closed step %r of run %s, whose join had ended", step.key, step.run_id
                )
        except Exception:
            if not connection.is_usable():
                raise
            # One that cannot be closed must not keep the others from it.
            logger.exception("Step %r of run %s cannot be closed", step.key, step.run_id)
    return steps[-1].id if len(steps) == limit else 0


def _forsaken(steps: Sequence[RunStep]) -> list[RunStep]:
    """Those that nothing under way will close. Who waits only for a person is not among them."""
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
