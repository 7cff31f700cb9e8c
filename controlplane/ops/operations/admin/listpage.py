"""The list of bulk operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from controlplane.core.admin.navigation import CHOSEN_VIEW
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.schema import represent
from controlplane.ops.operations.models import Operation as OperationRow
from controlplane.ops.operations.schema import Operation
from controlplane.ops.operations.states import ENDED, OPEN
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import actor_in
from controlplane.workspaces.adminpages import list_own_workspaces

PAGE_SIZE = 50
_STATES = {"open": OPEN, "ended": ENDED}


@dataclass(frozen=True, slots=True)
class Line:
    """One operation, as the page shows it."""

    operation: dict[str, Any]
    url: str
    word: str
    created_at: datetime
    workspace: str


def word_of(operation: OperationRow) -> str:
    """The state, with the pause, as the shapes of states know it."""
    is_paused = operation.paused_at is not None and operation.state in OPEN
    return "PAUSED" if is_paused else operation.state


def narrow(request: HttpRequest, operations: QuerySet[OperationRow]) -> QuerySet[OperationRow]:
    """Those that match the address."""
    if workspace := request.GET.get("workspace", "").replace("\0", ""):
        operations = operations.filter(workspace__slug=workspace)
    if (chosen := request.GET.get("show", "")) in _STATES:
        operations = operations.filter(state__in=_STATES[chosen])
    return operations


def describe_list(request: HttpRequest, operations: QuerySet[OperationRow]) -> dict[str, Any]:
    """A page of the newest operations, with the ways to others."""
    chosen = request.GET.get("show", "")
    workspace = request.GET.get("workspace", "").replace("\0", "")
    operations = narrow(request, operations)
    before = parse_uuid_or_none(request.GET.get("before", ""))
    if before is not None:
        operations = operations.filter(id__lt=before)
    rows = list(operations.order_by("-id")[: PAGE_SIZE + 1])
    kept = {name: request.GET[name] for name in ("workspace", CHOSEN_VIEW) if request.GET.get(name)}
    older = (
        {**kept, "show": chosen, "before": str(rows[PAGE_SIZE - 1].id)}
        if (len(rows) > PAGE_SIZE)
        else None
    )
    return {
        "lines": [_describe(row, actor_in(request, row.workspace_id)) for row in rows[:PAGE_SIZE]],
        "has_several_workspaces": len({row.workspace_id for row in rows}) > 1,
        "is_filtered": bool(chosen or workspace or before),
        "new_rows": "" if chosen or before else _new_rows(request, workspace, rows),
        "older_url": older and f"?{urlencode(older)}",
        "newest_url": f"?{urlencode({**kept, 'show': chosen})}" if before else "",
    }


def _new_rows(request: HttpRequest, workspace: str, rows: Sequence[OperationRow]) -> str:
    """Where new operations of these workspaces appear; of those that the list shows, where the
    person has more than a page can follow."""
    own = [each.slug for each in list_own_workspaces(request)]
    slugs = [slug for slug in own if workspace in ("", slug)]
    if len(slugs) > PAGE_SIZE:
        slugs = list(dict.fromkeys(row.workspace.slug for row in rows))
    return " ".join(f"{slug}/operations#order" for slug in slugs)


def _describe(row: OperationRow, actor: Actor) -> Line:
    operation = represent(Operation, row, actor)
    return Line(
        operation=operation,
        url=reverse("admin:operations_operation_change", args=[row.pk]),
        word=word_of(row),
        created_at=row.created_at,
        workspace=row.workspace.slug,
    )
