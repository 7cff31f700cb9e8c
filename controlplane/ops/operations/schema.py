"""Bulk operations in requests and responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from annotated_types import Len
from pydantic import Field

from controlplane.core.formatting import percent_done
from controlplane.core.requests import MAX_REASON
from controlplane.core.schema import Request, Resource, itself, shown
from controlplane.core.schema.fields import Flag, JsonObject, Number, Text
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import COMMA, Choices
from controlplane.ops.operations.models import Operation as OperationRow
from controlplane.ops.operations.states import ItemOutcome, OperationState
from controlplane.workspaces.bulk import BulkVerb, find_verb
from controlplane.workspaces.bulk.selection import MAX_IDS, Selection, describe_selection
from tasks_app.schema.fields import IdempotencyKey, optional

MIN_RATE, MAX_RATE = 0.01, 10_000.0
TARGETS = "tasks, dead-letters, schedules or queues"

Rate = Annotated[float, Number(MIN_RATE, MAX_RATE)]


class PreviewIn(Request):
    """What to do to what. Objects are selected by `ids`, by a `filter` with the parameters of their
    list, or as those that an earlier `operation` changed."""

    example: ClassVar[Mapping[str, Any]] = {
        "target": "tasks",
        "action": "retry",
        "filter": {"status": ["FAILED"], "type": "http-request"},
    }

    target: Annotated[str, Text(40)] = Field(description=f"The kind of object: {TARGETS}.")
    action: Annotated[str, Text(40)] = Field(
        description="Tasks: cancel, retry, reprioritize, restore-priority, delete, run-now; "
        "dead letters: reprocess, discard; schedules and queues: pause, resume."
    )
    ids: Annotated[list[Annotated[str, Text(200)]], Len(1, MAX_IDS)] = optional(
        "Their ids; the names of queues."
    )
    filter: JsonObject = optional("Conditions, as in the list of the objects.")
    all: Flag = Field(False, description="Needed for a filter that selects everything.")
    operation: UUID | None = Field(
        None, strict=False, description="The operation whose changed objects are selected."
    )
    rest: Flag = Field(
        False, description="Those that the operation did not come to, instead of the changed ones."
    )
    options: JsonObject = Field(default_factory=dict, description='Such as `{"priority": 5}`.')


class OperationIn(Request):
    """A preview to carry out."""

    token: Annotated[str, Text(200_000)] = Field(description="That of the preview.")
    reason: Annotated[str, Text(MAX_REASON, minimum=0)] = Field(
        "", description="Needed if it cannot be undone, or touches more than 100 objects."
    )
    rate_per_second: Rate | None = Field(
        None, description="Maximum objects changed per second (default: no limit)."
    )
    accept_drift: Flag = Field(
        False, description="Start even if the set has changed since the preview."
    )
    idempotency_key: IdempotencyKey = optional()


@dataclass(frozen=True, slots=True)
class OperationFilter:
    """Which operations a list shows."""

    states: tuple[str, ...] = condition(
        "status", Choices(choices=tuple(OperationState.values)), COMMA
    )


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items of an operation."""

    outcomes: tuple[str, ...] = condition(
        "outcome", Choices(choices=tuple(ItemOutcome.values)), COMMA
    )


def _verb_of(operation: OperationRow) -> BulkVerb | None:
    return find_verb(operation.target, operation.action)


def _title(operation: OperationRow) -> str:
    """Such as `Retry 1,204 tasks`."""
    verb = _verb_of(operation)
    if verb is None:
        return f"{operation.action} {operation.target}"
    has_begun = operation.begun_at is not None
    number = operation.total if has_begun else operation.matched
    about = "" if has_begun or not operation.is_estimate else "about "
    return f"{verb.title} {about}{verb.target.count(number)}"


def _selection_in_words(operation: OperationRow) -> str:
    verb = _verb_of(operation)
    selection = Selection.from_json(operation.selection)
    return describe_selection(verb.target, selection) if verb else "(unknown)"


def _undone_by(operation: OperationRow) -> str | None:
    verb = _verb_of(operation)
    return None if verb is None else verb.undone_by or None


def _percent(operation: OperationRow) -> float:
    if operation.state == OperationState.LISTING:
        return 0.0
    return percent_done(operation.submitted, operation.total)


class OutcomeCounts(Resource):
    """Items by outcome."""

    changed: int
    unchanged: int = shown("It was as wanted already.")
    refused: int = shown("Each has a sentence that says why.")
    failed: int


class Operation(Resource):
    """A bulk operation."""

    id: UUID
    title: str = shown(compute=_title)
    target: str
    action: str
    selection: dict[str, Any]
    selection_in_words: str = shown(compute=_selection_in_words)
    options: dict[str, Any]
    reason: str | None = shown(compute=lambda operation: operation.reason or None)
    status: OperationState = shown(source="state")
    paused_at: datetime | None
    rate_per_second: float | None
    matched: int = shown("When it was started.")
    is_estimate: bool = shown("Whether `matched` is an estimate.")
    total: int = shown("Its items; not yet all of them while it is LISTING.")
    done: int = shown("Items that have an outcome.", source="submitted")
    percent: float = shown("Share of the items that are done.", compute=_percent)
    outcomes: OutcomeCounts = shown(compute=itself)
    undone_by: str | None = shown(
        "The action that undoes it; null if it cannot be undone.", compute=_undone_by
    )
    stop_reason: str | None = shown(compute=lambda operation: operation.stop_reason or None)
    created_by: str
    created_at: datetime
    begun_at: datetime | None = shown("When all items were listed.")
    finished_at: datetime | None


class Item(Resource):
    """One object of an operation."""

    ordinal: int = shown("Its number in the operation, from 1.")
    target_id: str
    outcome: ItemOutcome | None = shown(
        "null until it is done.", compute=lambda item: item.outcome or None
    )
    detail: str | None = shown(
        "Why it was refused, failed or needed no change.", compute=lambda item: item.detail or None
    )
    at: datetime | None
