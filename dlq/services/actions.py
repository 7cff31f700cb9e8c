"""One verb for many letters: in bounded batches, each a transaction of its own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from controlplane.core.errors import FieldError, Invalid
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.rights import SUBMIT_TASKS, require_scopes
from dlq.filters import LetterFilter
from dlq.selectors import iterate_letter_ids
from dlq.services.discarding import check_reason, discard_letters
from dlq.services.repeating import Changes
from dlq.services.reprocessing import reprocess_letters
from dlq.states import LetterStatus
from tasks_app.selectors import in_bounded_time

MAX_PER_CALL = 50_000
ACTIONS = ("reprocess", "discard")
_BATCH = 200
_SECONDS_PER_BATCH = 10.0
_MOST_REASONS = 20


@dataclass(frozen=True, slots=True)
class LetterActionResult:
    """How many letters were meant and changed; `has_more` when the call's limit was reached.
    `refusals` are the first reasons why letters were left as they were, with a letter of each."""

    matched: int
    changed: int
    has_more: bool
    refusals: dict[str, UUID]


def act_on_letters(
    *,
    workspace_id: UUID,
    action: str,
    wanted: LetterFilter,
    actor: Actor,
    dry_run: bool = False,
    payload: Mapping[str, Any] | None = None,
    max_attempts: int | None = None,
    reason: str = "",
) -> LetterActionResult:
    """`reprocess` or `discard` the matching open letters, oldest first, at most MAX_PER_CALL.

    Letters that die anew meanwhile are not meant. Each batch is committed by itself and audited.

    Raises Invalid for an unknown action, a filter that names everything without saying so, a
    missing reason, or when finding the letters takes too long; Forbidden when a key may not submit
    tasks and is to reprocess.
    """
    if action not in ACTIONS:
        raise Invalid(errors=[_problem("action", f"One of {', '.join(ACTIONS)}.")])
    refuse_empty(wanted)
    refusals: dict[str, UUID] = {}
    if action == "discard":
        check_reason(reason)
        act = _discarding(workspace_id, reason, actor)
    else:
        require_scopes(actor, SUBMIT_TASKS)
        changes = Changes(payload=payload, max_attempts=max_attempts)
        act = _reprocessing(workspace_id, changes, actor, refusals)
    matched = changed = 0
    for batch in _batches(workspace_id, open_of(wanted)):
        room = batch[: MAX_PER_CALL - matched]
        matched += len(room)
        if not dry_run:
            changed += act(room)
        if len(room) < len(batch):
            return LetterActionResult(matched, changed, has_more=True, refusals=refusals)
    return LetterActionResult(matched, changed, has_more=False, refusals=refusals)


def refuse_empty(wanted: LetterFilter) -> None:
    """Raises Invalid for a filter that means everything without saying so."""
    if wanted.is_empty:
        message = 'Name ids or a condition; {"all": true} means every open letter.'
        raise Invalid(errors=[_problem("filter", message)])


def open_of(wanted: LetterFilter) -> LetterFilter:
    """The filter as actions read it: of open letters, unless it names what no action changes."""
    statuses = wanted.statuses or (LetterStatus.OPEN.value,)
    return replace(wanted, statuses=statuses)


def _discarding(workspace_id: UUID, reason: str, actor: Actor) -> Callable[[list[UUID]], int]:
    return lambda ids: len(
        discard_letters(workspace_id=workspace_id, ids=ids, reason=reason, actor=actor)
    )


def _reprocessing(
    workspace_id: UUID, changes: Changes, actor: Actor, refusals: dict[str, UUID]
) -> Callable[[list[UUID]], int]:
    def act(ids: list[UUID]) -> int:
        tasks, refused = reprocess_letters(
            workspace_id=workspace_id, ids=ids, changes=changes, actor=actor
        )
        for letter, error in refused.items():
            if len(refusals) < _MOST_REASONS:
                refusals.setdefault(error.detail[:500], letter)
        return len(tasks)

    return act


def _batches(workspace_id: UUID, wanted: LetterFilter) -> Iterator[list[UUID]]:
    """All ids are found before the first is touched: what dies anew meanwhile is not among them.
    One more id than a call may take."""
    ids: list[UUID] = []
    chunks = iterate_letter_ids(workspace_id, wanted, most=MAX_PER_CALL + 1)
    while True:
        with in_bounded_time(_SECONDS_PER_BATCH):
            chunk = next(chunks, None)
        if chunk is None:
            break
        ids += chunk
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]


def _problem(field: str, message: str) -> FieldError:
    return FieldError(field=field, message=message)
