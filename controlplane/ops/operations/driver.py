"""The dispatcher's work for bulk operations: list the objects, then change them chunk by chunk.

Each pass has one transaction for each operation, in which the operation's row is locked. What a
chunk changes, the outcomes of its items and the counts are committed together: a dispatcher that is
killed at any line leaves the operation as it was before the chunk, and nothing is done twice.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from controlplane.core.clock import now as utc_now
from controlplane.core.errors import DomainError
from controlplane.core.requests import stating_reason, working_for
from controlplane.core.runtime.pacing import spend
from controlplane.core.sql import load_sql
from controlplane.ops.operations import queries, transitions
from controlplane.ops.operations.control import audit, count_outcomes
from controlplane.ops.operations.models import Operation, OperationItem
from controlplane.ops.operations.states import OPEN, ItemOutcome, OperationState
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.bulk import Applied, BulkVerb, Chunk, find_verb
from controlplane.workspaces.bulk.rows import find_rows
from controlplane.workspaces.bulk.selection import Selection
from controlplane.workspaces.states import ActorKind
from tasks_app.batches import BatchDriver, longest_waiting, submission_room
from tasks_app.queries import in_bounded_time

logger = logging.getLogger(__name__)

LISTED = 2_000  # objects that one pass lists
_LIST_SECONDS = 3.0  # less than the time for which a dispatcher leads without renewing it
_MAX_DETAIL = 500


class Outcome(NamedTuple):
    """The result for one item."""

    item: OperationItem
    outcome: ItemOutcome
    detail: str = ""
    before: str = ""


class OperationDriver(BatchDriver[Operation]):
    """Advances bulk operations."""

    model = Operation
    label = "operation"
    progress_fields: ClassVar = (
        "listed_to", "total", "changed", "unchanged", "refused", "failed",
    )  # fmt: skip

    def list_due(self) -> list[UUID]:
        """Open operations that are not paused."""
        return longest_waiting(Operation.objects.filter(state__in=OPEN, paused_at__isnull=True))

    def give_up(self, batch_id: UUID, reason: str) -> None:
        """Stop it with the reason."""
        _end(Operation.objects.get(id=batch_id), OperationState.STOPPED, utc_now(), reason)

    def advance(self, batch: Operation, now: datetime) -> bool:
        """List more objects, or change a chunk of them."""
        if batch.state not in OPEN or batch.paused_at is not None:
            return False
        verb = find_verb(batch.target, batch.action)
        if verb is None:
            reason = f"This version cannot {batch.action} {batch.target}."
            _end(batch, OperationState.STOPPED, now, reason)
            return False
        if batch.state == OperationState.LISTING:
            return _list_more(batch, verb, now)
        return _change_more(batch, verb, now)


def _list_more(operation: Operation, verb: BulkVerb, now: datetime) -> bool:
    """Note the next objects as items. None is changed before all are noted, so the changes cannot
    make more of them match."""
    selection = Selection.from_json(operation.selection)
    key = verb.target.key
    try:
        with in_bounded_time(_LIST_SECONDS):
            keys = queries.list_keys(
                find_rows(verb, operation.workspace_id, selection),
                key,
                after=operation.listed_to,
                until=operation.until_key,
                limit=LISTED,
            )
    except DomainError as error:
        _end(operation, OperationState.STOPPED, now, error.detail)
        return False
    limit = settings.TASKPLANE["OPERATION_MAX_ITEMS"]
    if operation.total + len(keys) > limit:
        reason = f"More than {limit:,} match, which is the limit. Nothing was changed."
        _end(operation, OperationState.STOPPED, now, reason)
        return False
    _add_items(operation, [str(each) for each in keys])
    if len(keys) == LISTED:
        return True
    transitions.begin(operation.id, at=now)
    if operation.total:
        return True
    _end(operation, OperationState.COMPLETED, now)
    return False


def _add_items(operation: Operation, keys: Sequence[str]) -> None:
    if not keys:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("controlplane.ops.operations", "add_items"),
            {
                "operation": operation.id,
                "workspace": operation.workspace_id,
                "done": operation.total,
                "keys": list(keys),
            },
        )
    operation.total += len(keys)
    operation.listed_to = keys[-1]


def _change_more(operation: Operation, verb: BulkVerb, now: datetime) -> bool:
    """Do the next chunk, as far as the rate allows."""
    room = submission_room(operation, now, limit=verb.chunk)
    items = queries.list_open_items(operation, room) if room else []
    if not items:
        return False
    outcomes = _do(operation, verb, items)
    _record(operation, outcomes, now)
    operation.last_submit_at = spend(operation, len(items), now)
    if operation.submitted >= operation.total:
        _end(operation, OperationState.COMPLETED, now)
        return False
    return submission_room(operation, now, limit=1) > 0


def _do(operation: Operation, verb: BulkVerb, items: Sequence[OperationItem]) -> list[Outcome]:
    """Apply the verb to all at once; after an error, to one at a time, to find whose it is."""
    try:
        with (
            working_for(f"operation:{operation.id}"),
            transaction.atomic(),
            stating_reason(operation.reason),
        ):
            applied = verb.apply(_chunk_of(operation, verb, items))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if len(items) > 1:
            return [each for item in items for each in _do(operation, verb, [item])]
        if isinstance(error, DomainError):
            return [Outcome(items[0], ItemOutcome.REFUSED, error.detail)]
        logger.exception(
            "Item of an operation failed: operation=%s target=%s", operation.id, items[0].target_id
        )
        # The message may repeat what users wrote: only the log has it.
        detail = f"{type(error).__name__}: the dispatcher's log has the error."
        return [Outcome(items[0], ItemOutcome.FAILED, detail)]
    return _read_outcomes(verb, applied, items)


def _chunk_of(operation: Operation, verb: BulkVerb, items: Sequence[OperationItem]) -> Chunk:
    read_key = verb.target.read_key
    texts = [item.target_id for item in items]
    selection = Selection.from_json(operation.selection)
    undone = queries.find_undone(selection)
    before: Mapping[str, str] = {} if undone is None else queries.find_before(undone, texts)
    return Chunk(
        workspace_id=operation.workspace_id,
        keys=[read_key(text) for text in texts],
        options=operation.options,
        reason=operation.reason,
        actor=_actor_of(operation),
        before={read_key(text): value for text, value in before.items()},
        undone={} if undone is None else undone.options,
    )


def _read_outcomes(
    verb: BulkVerb, applied: Applied, items: Sequence[OperationItem]
) -> list[Outcome]:
    outcomes = []
    for item in items:
        key = verb.target.read_key(item.target_id)
        if key in applied.changed:
            outcome = Outcome(item, ItemOutcome.CHANGED, before=applied.changed[key])
        elif key in applied.refused:
            outcome = Outcome(item, ItemOutcome.REFUSED, applied.refused[key])
        else:
            outcome = Outcome(item, ItemOutcome.UNCHANGED, applied.unchanged.get(key, ""))
        outcomes.append(outcome)
    return outcomes


def _record(operation: Operation, outcomes: Sequence[Outcome], now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("controlplane.ops.operations", "record_outcomes"), _columns(outcomes, now)
        )
    counts = Counter(each.outcome for each in outcomes)
    operation.submitted += len(outcomes)
    operation.changed += counts[ItemOutcome.CHANGED]
    operation.unchanged += counts[ItemOutcome.UNCHANGED]
    operation.refused += counts[ItemOutcome.REFUSED]
    operation.failed += counts[ItemOutcome.FAILED]


def _columns(outcomes: Sequence[Outcome], now: datetime) -> Mapping[str, Any]:
    return {
        "at": now,
        "ids": [each.item.id for each in outcomes],
        "outcomes": [each.outcome.value for each in outcomes],
        "details": [each.detail[:_MAX_DETAIL] for each in outcomes],
        "befores": [each.before for each in outcomes],
    }


@transaction.atomic
def _end(operation: Operation, state: OperationState, now: datetime, reason: str = "") -> None:
    if transitions.end(operation.id, state=state, at=now, reason=reason):
        detail = {"state": state.value, **count_outcomes(operation)}
        audit(operation, _actor_of(operation), "end", reason=reason, **detail)


def _actor_of(operation: Operation) -> Actor:
    """The dispatcher, in the name of the person or key that started it, whose rights were checked
    then."""
    return Actor(kind=ActorKind.SYSTEM.value, id="", label=operation.created_by, role=None)
