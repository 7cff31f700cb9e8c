"""The state machines of dead letters and replays."""

from django.db.models import TextChoices


class LetterStatus(TextChoices):
    """The status of a dead letter."""

    OPEN = "OPEN", "Open"  # → REPROCESSED, DISCARDED
    REPROCESSED = "REPROCESSED", "Reprocessed"  # final; a task does the work again
    DISCARDED = "DISCARDED", "Discarded"  # final; a person gave the reason


class ReplayState(TextChoices):
    """The state of a replay."""

    RUNNING = "RUNNING", "Running"  # → COMPLETED, STOPPED, CANCELLED
    COMPLETED = "COMPLETED", "Completed"  # every letter was submitted or skipped
    STOPPED = "STOPPED", "Stopped by failures"  # by the stop rule, or an error
    CANCELLED = "CANCELLED", "Cancelled"  # by a person
