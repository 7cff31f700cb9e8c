"""The state machines of dead letters and replays."""

from django.db.models import TextChoices


class LetterStatus(TextChoices):
    """What became of a dead letter."""

    OPEN = "OPEN", "Open"  # → REPROCESSED, DISCARDED
    REPROCESSED = "REPROCESSED", "Reprocessed"  # final; a task repeats the work
    DISCARDED = "DISCARDED", "Discarded"  # final; a person gave the reason


class ReplayState(TextChoices):
    """Where the reprocessing of many letters stands."""

    RUNNING = "RUNNING", "Running"  # → COMPLETED, STOPPED, CANCELLED
    COMPLETED = "COMPLETED", "Completed"  # every letter it meant was dealt with
    STOPPED = "STOPPED", "Stopped by failures"  # by itself, since failures repeated
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
