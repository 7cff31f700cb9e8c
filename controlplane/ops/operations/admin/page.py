"""The page of one bulk operation: its progress, its counts, and a page of its items."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from controlplane.core.admin.display import Button, Question
from controlplane.core.formatting import format_count, format_rate
from controlplane.core.schema import represent
from controlplane.core.visibletext import isolated_text
from controlplane.ops.operations.admin.listpage import word_of
from controlplane.ops.operations.models import Operation as OperationRow
from controlplane.ops.operations.models import OperationItem
from controlplane.ops.operations.queries import list_items
from controlplane.ops.operations.schema import Item, Operation
from controlplane.ops.operations.states import OPEN, ItemOutcome, OperationState
from controlplane.workspaces.adminaccess import actor_in
from controlplane.workspaces.bulk import BulkVerb, find_verb
from controlplane.workspaces.bulk.preview import find_bulk_verb

ITEMS_SHOWN = 50
# Outcomes borrow the shapes of the states that they are like.
_SHAPES = {
    "CHANGED": "good",
    "UNCHANGED": "quiet",
    "REFUSED": "warning",
    "FAILED": "bad",
    "": "waiting",
}


_TONES = {
    "COMPLETED": "completed",
    "CANCELLED": "cancelled",
    "STOPPED": "failed",
    "PAUSED": "pending",
}


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One item, as the page shows it."""

    item: dict[str, Any]
    name: str  # that it has now; empty if it is gone
    url: str
    shape: str
    word: str
    row: OperationItem


@dataclass(frozen=True, slots=True)
class Count:
    """The number of items with an outcome, and the way to them. `path` is that of the topic."""

    title: str
    number: int
    url: str
    shape: str
    path: str
    is_current: bool


def describe_operation(
    request: HttpRequest, row: OperationRow, *, may_operate: bool
) -> dict[str, Any]:
    """Everything that the page shows."""
    actor = actor_in(request, row.workspace_id)
    operation = represent(Operation, row, actor)
    verb = find_verb(row.target, row.action)
    outcome = request.GET.get("outcome", "").upper()
    outcome = outcome if outcome in ItemOutcome.values else ""
    is_open = row.state in OPEN
    return {
        "title": operation["title"],
        "operation": operation,
        "row": row,
        "word": word_of(row),
        "is_open": is_open,
        "bar_tone": _TONES.get(word_of(row), "running"),
        "topic": f"operation:{row.id}",
        "sentence": _describe_state(row),
        "rate": format_rate(row.rate_per_second) if row.rate_per_second else "no limit",
        "options": sorted(row.options.items()),
        "counts": _count(row, outcome),
        "buttons": _buttons(row) if may_operate and is_open else [],
        "undo_url": _undo_url(row, verb) if may_operate and not is_open and row.changed else "",
        "undo_title": _undo_title(row, verb),
        "rest_url": _rest_url(row) if may_operate else "",
        "rest_title": f"Continue with the {format_count(row.total - row.submitted, 'item')} left",
        "live_workspace": row.workspace.slug,
        **_page_of_items(request, row, outcome, verb),
    }


def _describe_state(row: OperationRow) -> str:
    if row.paused_at is not None and row.state in OPEN:
        return "It is paused: nothing is changed until it is resumed."
    if row.state == OperationState.LISTING:
        return "The dispatcher notes what it is for. Nothing has been changed yet."
    if row.state == OperationState.RUNNING:
        return "The dispatcher works through it in small chunks; each object is changed once."
    rest = row.total - row.submitted
    left = f" {format_count(rest, 'item')} left as they were." if rest else ""
    if row.state == OperationState.STOPPED:
        return f"{isolated_text(row.stop_reason)}{left}"
    return f"Cancelled.{left}" if row.state == OperationState.CANCELLED else "Every item is done."


CANCEL = Question(
    "Cancel this operation?",
    "Nothing more is changed. What was changed stays as it is.",
    "Cancel it",
)


def _buttons(row: OperationRow) -> list[Button]:
    name = "pause" if row.paused_at is None else "resume"
    return [
        Button(name.capitalize(), _url(name, row)),
        Button("Cancel", _url("cancel", row), question=CANCEL),
    ]


def _url(name: str, row: OperationRow) -> str:
    return reverse(f"admin:operations_operation_{name}", args=[row.pk])


def _undo_url(row: OperationRow, verb: BulkVerb | None) -> str:
    if verb is None or not verb.undone_by:
        return ""
    values = {
        "target": row.target,
        "action": verb.undone_by,
        "operation": str(row.id),
        "workspace": row.workspace.slug,
    }
    return f"{reverse('admin:operations_operation_new')}?{urlencode(values)}"


def _rest_url(row: OperationRow) -> str:
    """Where what it did not come to can be done: empty if it does all, or was ended while it was
    listing them."""
    if row.state in (*OPEN, OperationState.COMPLETED) or row.begun_at is None:
        return ""
    if row.submitted >= row.total:
        return ""
    values = {
        "target": row.target,
        "action": row.action,
        "operation": str(row.id),
        "rest": "1",
        "workspace": row.workspace.slug,
        **{f"option-{name}": str(value) for name, value in row.options.items()},
    }
    return f"{reverse('admin:operations_operation_new')}?{urlencode(values)}"


def _undo_title(row: OperationRow, verb: BulkVerb | None) -> str:
    if verb is None or not verb.undone_by:
        return ""
    undo = find_bulk_verb(row.target, verb.undone_by)
    return f"Undo: {undo.title.lower()} exactly {verb.target.count(row.changed)}"


def _count(row: OperationRow, chosen: str) -> list[Count]:
    here = reverse("admin:operations_operation_change", args=[row.pk])
    numbers = {
        "": ("Items", row.total, "total"),
        "CHANGED": ("Changed", row.changed, "outcomes/changed"),
        "UNCHANGED": ("Unchanged", row.unchanged, "outcomes/unchanged"),
        "REFUSED": ("Refused", row.refused, "outcomes/refused"),
        "FAILED": ("Failed", row.failed, "outcomes/failed"),
    }
    return [
        Count(
            title,
            number,
            f"{here}?outcome={key}" if key else here,
            _SHAPES[key] if key else "",
            path,
            key == chosen,
        )
        for key, (title, number, path) in numbers.items()
    ]


def _page_of_items(
    request: HttpRequest, row: OperationRow, outcome: str, verb: BulkVerb | None
) -> dict[str, Any]:
    items = list_items(row.workspace_id, row.id, [outcome] if outcome else [])
    after = request.GET.get("after", "")
    if after.isascii() and after.isdigit() and len(after) < 19:
        items = items.filter(id__gt=int(after))
    found = list(items[: ITEMS_SHOWN + 1])
    shown = found[:ITEMS_SHOWN]
    actor = actor_in(request, row.workspace_id)
    names = _find_names(row, shown, verb)
    kept = {"outcome": outcome} if outcome else {}
    more = {**kept, "after": str(shown[-1].id)} if len(found) > ITEMS_SHOWN else None
    return {
        "items": [
            ItemLine(
                item=represent(Item, each, actor),
                name=names.get(each.target_id, ""),
                url=_item_url(verb, each.target_id) if each.target_id in names else "",
                shape=_SHAPES[each.outcome],
                word=ItemOutcome(each.outcome).label if each.outcome else "Not yet",
                row=each,
            )
            for each in shown
        ],
        "outcome": outcome,
        "more_url": more and f"?{urlencode(more)}",
        "first_url": f"?{urlencode(kept)}" if after else "",
    }


def _find_names(
    row: OperationRow, items: Sequence[OperationItem], verb: BulkVerb | None
) -> dict[str, str]:
    """The names of the objects that there still are, by key."""
    if verb is None or not items:
        return {}
    target = verb.target
    rows = target.list_all(row.workspace_id)
    found = rows.filter(**{f"{target.key}__in": [each.target_id for each in items]})
    return {each.key: each.name for each in target.describe(found)}


def _item_url(verb: BulkVerb | None, key: str) -> str:
    """The page of the object; empty where keys are not the ids of pages."""
    if verb is None or verb.target.key != "id":
        return ""
    try:
        return reverse(f"admin:{verb.target.page}_change", args=[key])
    except NoReverseMatch:
        return ""
