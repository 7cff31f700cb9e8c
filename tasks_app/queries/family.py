"""The parents and the children of a task, in pages: there may be thousands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from tasks_app.models import TaskDependency
from tasks_app.queries.lists import in_bounded_time

Side = Literal["parents", "children"]


@dataclass(frozen=True, slots=True)
class Edge:
    """A parent or child, and whether the wait between the two is over."""

    id: UUID
    name: str
    type: str
    state: str
    finished_at: object
    is_satisfied: bool


@dataclass(frozen=True, slots=True)
class FamilyPage:
    """Edges by id; whether others come before and after them; how many there are in all, whatever
    the search."""

    edges: Sequence[Edge]
    has_previous: bool
    has_next: bool
    total: int


def list_family(
    task_id: UUID,
    side: Side,
    *,
    search: str = "",
    state: str = "",
    after: UUID | None = None,
    before: UUID | None = None,
    limit: int,
) -> FamilyPage:
    """Those whose name contains the text, in this state. Raises Invalid when that takes too
    long."""
    own, other = ("task_id", "depends_on") if side == "parents" else ("depends_on_id", "task")
    everyone = TaskDependency.objects.filter(**{own: task_id})
    edges = everyone
    if search:
        edges = edges.filter(**{f"{other}__name__icontains": search})
    if state:
        edges = edges.filter(**{f"{other}__state": state})
    key = f"{other}_id"
    columns = [key, *(f"{other}__{name}" for name in ("name", "type", "state", "finished_at"))]
    rows = edges.values_list(*columns, "is_satisfied")
    with in_bounded_time(narrow_by="a longer part of the name"):
        if before is not None:
            found = list(rows.filter(**{f"{key}__lt": before}).order_by(f"-{key}")[: limit + 1])
            has_previous, has_next = len(found) > limit, True
            found = found[:limit][::-1]
        else:
            behind = rows if after is None else rows.filter(**{f"{key}__gt": after})
            found = list(behind.order_by(key)[: limit + 1])
            has_previous, has_next = after is not None, len(found) > limit
            found = found[:limit]
        total = everyone.count()
    return FamilyPage([Edge(*row) for row in found], has_previous, has_next, total)
