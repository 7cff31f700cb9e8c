"""The parents that a blocked task still waits for."""

from dataclasses import dataclass
from uuid import UUID

from tasks_app.models import TaskDependency

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Parent:
    """A task that another waits for."""

    id: UUID
    name: str
    status: str


def describe_parents(task_id: UUID) -> tuple[list[Parent], int]:
    """The first parents that are not satisfied, those that ended badly before the others, and how
    many there are."""
    edges = TaskDependency.objects.filter(task_id=task_id, is_satisfied=False)
    rows = edges.values_list("depends_on_id", "depends_on__name", "depends_on__state")
    broken = rows.filter(depends_on__state__in=["FAILED", "CANCELLED"])[:_SHOWN]
    others = rows.exclude(depends_on__state__in=["FAILED", "CANCELLED"])[:_SHOWN]
    found = [Parent(*row) for row in (*broken, *others)]
    return found[:_SHOWN], edges.count()
