"""What each task type of a workspace did today, for counters that reset at midnight UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from controlplane.core.clock import now
from controlplane.core.runtime.histograms import merge
from tasks_app.models import Rollup
from tasks_app.processors.registry import internal_types
from tasks_app.queries.lists import in_bounded_time

# The names in the metrics, with the columns of the roll-ups.
TASKS = {"submitted": "submitted", "completed": "completed", "failed": "failed_tasks"}
ATTEMPTS = {
    "started": "started",
    "succeeded": "completed",
    "failed": "failed",
    "retried": "retried",
    "lost": "lost",
    "cancelled": "cancelled",
}
OTHER = "other"


@dataclass(slots=True)
class TypeMeter:
    """Sums since midnight; times in milliseconds."""

    tasks: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TASKS, 0))
    attempts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ATTEMPTS, 0))
    run_ms: float = 0.0
    wait_ms: float = 0.0
    runs: dict[int, int] = field(default_factory=dict)
    waits: dict[int, int] = field(default_factory=dict)


def read_meters(workspace_id: UUID, *, most: int) -> Mapping[str, TypeMeter]:
    """By type, internal ones left out, from the roll-ups of hours. The first `most` names in order
    of the alphabet have their own; the rest are together under OTHER, so that a name never moves
    while types stay."""
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    found: dict[str, TypeMeter] = {}
    with in_bounded_time(narrow_by="fewer types"):
        rows = Rollup.objects.filter(workspace_id=workspace_id, seconds=3600, at__gte=midnight)
        for row in rows.exclude(type__in=internal_types()).order_by("type"):
            name = row.type if row.type in found or len(found) < most else OTHER
            meter = found.setdefault(name, TypeMeter())
            for event, column in TASKS.items():
                meter.tasks[event] += getattr(row, column)
            for event, column in ATTEMPTS.items():
                meter.attempts[event] += getattr(row, column)
            meter.run_ms += row.run_ms
            meter.wait_ms += row.wait_ms
            meter.runs = merge([meter.runs, {int(b): n for b, n in row.runs.items()}])
            meter.waits = merge([meter.waits, {int(b): n for b, n in row.waits.items()}])
    return found
