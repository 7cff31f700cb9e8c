"""The state machines of dead letters and replays."""

from django.db.models import TextChoices


class LetterStatus(TextChoices):
    """What became of a dead letter."""

    OPEN = "OPEN", "Open"  # → REPROCESSED, DISCARDED
    REPROCESSED = "REPROCESSED", "Reprocessed"  # final; a task does the work again
    DISCARDED = "DISCARDED", "Discarded"  # final; a person gave the reason


class ReplayState(TextChoices):
    """The state of a replay."""

    RUNNING = "RUNNING", "Running"  # → COMPLETED, STOPPED, CANCELLED
    COMPLETED = "COMPLETED", "Completed"  # every letter was submitted or skipped
    STOPPED = "STOPPED", "Stopped by failures"  # by the stop rule, or an error
    CANCELLED = "CANCELLED", "Cancelled"  # by a person


LETTER_TRANSITIONS: dict[LetterStatus, frozenset[LetterStatus]] = {
    LetterStatus.OPEN: frozenset({LetterStatus.REPROCESSED, LetterStatus.DISCARDED}),
    LetterStatus.REPROCESSED: frozenset(),
    LetterStatus.DISCARDED: frozenset(),
}
REPLAY_TRANSITIONS: dict[ReplayState, frozenset[ReplayState]] = {
    ReplayState.RUNNING: frozenset(
        {ReplayState.COMPLETED, ReplayState.STOPPED, ReplayState.CANCELLED}
    ),
    ReplayState.COMPLETED: frozenset(),
    ReplayState.STOPPED: frozenset(),
    ReplayState.CANCELLED: frozenset(),
}
