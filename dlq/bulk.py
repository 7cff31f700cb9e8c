"""One action on many letters, in bounded chunks with one transaction each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from controlplane.core.errors import Invalid
from controlplane.workspaces.actors import SUBMIT_TASKS, Actor, require_scopes
from dlq.discard import check_reason, discard_letters
from dlq.filters import LetterFilter
from dlq.queries import iterate_letter_ids
from dlq.reprocess import reprocess_letters
from dlq.reprocess_tasks import Changes
from dlq.states import LetterStatus
from tasks_app.queries import in_bounded_time

MAX_PER_CALL = 50_000
ACTIONS = ("reprocess", "discard")
_CHUNK = 200
_SECONDS_PER_CHUNK = 10.0
_MAX_REASONS = 20


@dataclass(frozen=True, slots=True)
class LetterActionResult:
    """How many letters matched and changed; `has_more` if the limit of a call was reached.
    `refusals` are the first reasons why letters were not changed, with one letter for each."""

    matched: int
    changed: int
    has_more: bool
    dry_run: bool
    refusals: dict[str, UUID]


def act_on_letters(
    *,
    workspace_id: UUID,
    action: str,
    letter_filter: LetterFilter,
    actor: Actor,
    dry_run: bool = False,
    payload: Mapping[str, Any] | None = None,
    max_attempts: int | None = None,
    reason: str = "",
) -> LetterActionResult:
    """`reprocess` or `discard` the matching open letters, oldest first, at most MAX_PER_CALL.

    Letters that are written during the call are not included. Each chunk is committed and audited
    separately. Raises Invalid for an unknown action, an empty filter without `all`, a missing
    reason, or if finding the letters takes too long; Forbidden for `reprocess` if the key may not
    submit tasks.
    """
    if action not in ACTIONS:
        raise Invalid(errors=[{"field": "action", "message": f"Use one of {', '.join(ACTIONS)}."}])
    refuse_empty(letter_filter)
    refusals: dict[str, UUID] = {}
    if action == "discard":
        check_reason(reason)
        act = _discarding(workspace_id, reason, actor)
    else:
        require_scopes(actor, SUBMIT_TASKS)
        changes = Changes(payload=payload, max_attempts=max_attempts)
        act = _reprocessing(workspace_id, changes, actor, refusals)
    matched = changed = 0
    for chunk in _chunks(workspace_id, only_open(letter_filter)):
        ids = chunk[: MAX_PER_CALL - matched]
        matched += len(ids)
        if not dry_run:
            changed += act(ids)
        if len(ids) < len(chunk):
            return LetterActionResult(matched, changed, True, dry_run, refusals)
    return LetterActionResult(matched, changed, False, dry_run, refusals)


def refuse_empty(letter_filter: LetterFilter) -> None:
    """Raises Invalid for a filter without a condition and without `all`."""
    if letter_filter.is_empty:
        message = 'Name ids or a condition; {"all": true} selects every open letter.'
        raise Invalid(errors=[{"field": "filter", "message": message}])


def only_open(letter_filter: LetterFilter) -> LetterFilter:
    """The filter of an action: open letters, unless it names another status."""
    statuses = letter_filter.statuses or (LetterStatus.OPEN.value,)
    return replace(letter_filter, statuses=statuses)


def _discarding(workspace_id: UUID, reason: str, actor: Actor) -> Callable[[list[UUID]], int]:
    return lambda ids: len(
        discard_letters(workspace_id=workspace_id, ids=ids, reason=reason, actor=actor)
    )


def _reprocessing(
    workspace_id: UUID, changes: Changes, actor: Actor, refusals: dict[str, UUID]
) -> Callable[[list[UUID]], int]:
    def act(ids: list[UUID]) -> int:
        result = reprocess_letters(workspace_id=workspace_id, ids=ids, changes=changes, actor=actor)
        for letter, error in result.refused.items():
            if len(refusals) < _MAX_REASONS:
                refusals.setdefault(error.detail[:500], letter)
        return len(result.tasks)

    return act


def _chunks(workspace_id: UUID, letter_filter: LetterFilter) -> Iterator[list[UUID]]:
    """All ids are read before the first letter is changed, so that letters written during the call
    are not among them. One id more than a call may take."""
    ids: list[UUID] = []
    chunks = iterate_letter_ids(workspace_id, letter_filter, limit=MAX_PER_CALL + 1)
    while True:
        with in_bounded_time(_SECONDS_PER_CHUNK):
            chunk = next(chunks, None)
        if chunk is None:
            break
        ids += chunk
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
