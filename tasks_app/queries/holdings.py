"""What nodes hold, and what became of what they held."""

from collections.abc import Sequence
from datetime import datetime

from tasks_app.models import Task, TaskAttempt
from tasks_app.states import AttemptOutcome, TaskState

_MOST = 10_000
_CUT = (AttemptOutcome.LOST.value, AttemptOutcome.INTERRUPTED.value)


def list_held_since(node_ids: Sequence[int]) -> dict[int, list[datetime]]:
    """When the running tasks of these nodes started, by node, oldest first; nodes that hold none
    are left out. At most 10,000 tasks are looked at."""
    held = Task.objects.filter(state=TaskState.RUNNING, node_id__in=list(node_ids))
    found: dict[int, list[datetime]] = {}
    for node, started in held.order_by("started_at").values_list("node_id", "started_at")[:_MOST]:
        if node is not None and started is not None:
            found.setdefault(node, []).append(started)
    return found


def count_cut_attempts(node_ids: Sequence[int], *, since: datetime) -> int:
    """Attempts on these nodes that their end cut short: lost with them, or interrupted by it."""
    cut = TaskAttempt.objects.filter(
        finished_at__gte=since, node_id__in=list(node_ids), outcome__in=_CUT
    )
    return cut.count()
