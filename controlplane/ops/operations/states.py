"""The state machine of bulk operations, and the outcomes of their items."""

from django.db.models import TextChoices


class OperationState(TextChoices):
    """The state of a bulk operation. A pause is not a state: see `Batch.paused_at`."""

    LISTING = "LISTING", "Listing"  # notes which objects it is for → RUNNING, an end
    RUNNING = "RUNNING", "Running"  # changes them in chunks → COMPLETED, CANCELLED, STOPPED
    COMPLETED = "COMPLETED", "Completed"  # final: every item has its outcome
    CANCELLED = "CANCELLED", "Cancelled"  # final: by a person, between two chunks
    STOPPED = "STOPPED", "Stopped"  # final: it could not continue


OPEN = frozenset({OperationState.LISTING, OperationState.RUNNING})
ENDED = frozenset(OperationState) - OPEN

OPERATION_TRANSITIONS: dict[OperationState, frozenset[OperationState]] = {
    OperationState.LISTING: frozenset(
        {OperationState.RUNNING, OperationState.CANCELLED, OperationState.STOPPED}
    ),
    OperationState.RUNNING: ENDED,
    OperationState.COMPLETED: frozenset(),
    OperationState.CANCELLED: frozenset(),
    OperationState.STOPPED: frozenset(),
}


class ItemOutcome(TextChoices):
    """The result for one object."""

    CHANGED = "CHANGED", "Changed"
    UNCHANGED = "UNCHANGED", "Unchanged"  # it was as wanted already
    REFUSED = "REFUSED", "Refused"  # the sentence beside it says why
    FAILED = "FAILED", "Failed"  # an error; the others are not affected
