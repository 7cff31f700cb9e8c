"""The ways an attempt can end, and what a dead child's slot file makes of them."""

from collections.abc import Callable

from tasks_app import endings
from tasks_app.processors import registry
from tasks_app.processors.outcomes import Snooze
from tasks_app.rows import ClaimedRow, Outcome
from tests.property.model import LOST_LIMIT, Model
from workers.slots import InterruptFlag, RowStatus

Ending = tuple[object, str, str, int, int, bool]


def _failed(*, retryable: bool, delay_ms: float) -> Callable[[ClaimedRow], Outcome]:
    def make(claim: ClaimedRow) -> Outcome:
        return endings.failed(
            claim,
            {"class": "ValueError", "message": "", "traceback": "", "category": "CODE"},
            error=ValueError(),
            processor=registry.get(claim.type),
            run_ms=1,
            delay_ms=delay_ms,
            retryable=retryable,
        )

    return make


ENDINGS: dict[str, Callable[[ClaimedRow], Outcome]] = {
    "succeeds": lambda claim: endings.succeeded(claim, {"n": claim.attempt}, run_ms=1),
    "succeeds again": lambda claim: endings.succeeded(claim, None, run_ms=1),
    "fails": _failed(retryable=True, delay_ms=0),
    "fails, waits": _failed(retryable=True, delay_ms=3_600_000),
    "fails for good": _failed(retryable=False, delay_ms=0),
    "times out": lambda claim: endings.timed_out(
        claim, processor=registry.get(claim.type), run_ms=1
    ),
    "is cancelled": lambda claim: endings.cancelled(claim, run_ms=1),
    "snoozes": lambda claim: endings.snoozed(claim, Snooze(3_600, ""), run_ms=1),
    "is interrupted": lambda claim: endings.interrupted(claim, run_ms=1),
}


def settled(
    model: Model, rows: list[tuple[ClaimedRow, RowStatus, InterruptFlag]]
) -> tuple[list[tuple[object, str, str, int, int, bool]], list[object]]:
    """What becomes of the rows of a dead child: endings of started ones, ids handed back."""
    was_killed = any(ask & InterruptFlag.KILLED for _, _, ask in rows)
    ended: list[tuple[object, str, str, int, int, bool]] = []
    released: list[object] = []
    for claim, status, ask in rows:
        if not model.holds(claim.id, claim.lease):
            continue
        if status in (RowStatus.CLAIMED, RowStatus.TAKEN):
            released.append(claim.id)
            continue
        has_more = claim.attempt < claim.max_attempts
        again = "RETRYING" if has_more else "FAILED"
        if status == RowStatus.STARTED and ask & InterruptFlag.MEMORY:
            ended.append((claim.id, again, "FAILED", 0, 0, False))
        elif status == RowStatus.STARTED and ask & InterruptFlag.TIMEOUT:
            ended.append((claim.id, again, "TIMED_OUT", 0, 0, False))
        elif status == RowStatus.STARTED and ask & InterruptFlag.CANCEL:
            ended.append((claim.id, "CANCELLED", "CANCELLED", 0, 0, False))
        elif status == RowStatus.STARTED and not was_killed:
            is_poison = model.tasks[claim.id].lost + 1 >= LOST_LIMIT
            state = "FAILED" if is_poison else "PENDING"
            ended.append((claim.id, state, "LOST", int(not is_poison), 1, False))
        else:
            ended.append((claim.id, "PENDING", "INTERRUPTED", 1, 0, False))
    return ended, released
