"""The state machines of dead letters, their groups and replays."""

from django.db.models import TextChoices


class LetterStatus(TextChoices):
    """The status of a dead letter."""

    OPEN = "OPEN", "Open"  # → REPROCESSED, DISCARDED
    REPROCESSED = "REPROCESSED", "Reprocessed"  # final; a task does the work again
    DISCARDED = "DISCARDED", "Discarded"  # final; a person gave the reason


class LetterRerun(TextChoices):
    """The result of the task that does the work of a REPROCESSED letter again. Empty: it is not
    known to have ended."""

    NONE = "", "Not ended"  # → DIED, GONE, COMPLETED, DISCARDED
    DIED = "DIED", "Failed again"  # it has a letter of its own → COMPLETED, DISCARDED
    GONE = "GONE", "Deleted"  # final; nobody knows how it ended
    COMPLETED = "COMPLETED", "Completed"  # final; it, or a later task of the same work
    DISCARDED = "DISCARDED", "Discarded"  # final; a later letter of the same work


UNSETTLED = [LetterRerun.NONE.value, LetterRerun.DIED.value, LetterRerun.GONE.value]
"""The results of reprocessed letters whose work is not known to be done."""


class GroupState(TextChoices):
    """The state of a group of letters. People acknowledge, mute, reopen and resolve; the dispatcher
    resolves a group whose work is all done, and reopens a resolved one in which a task dies."""

    OPEN = "OPEN", "Open"  # → ACKNOWLEDGED, MUTED, RESOLVED
    REGRESSED = "REGRESSED", "Regressed"  # it was resolved → OPEN, ACKNOWLEDGED, MUTED, RESOLVED
    ACKNOWLEDGED = "ACKNOWLEDGED", "Acknowledged"  # → OPEN, MUTED, RESOLVED
    MUTED = "MUTED", "Muted"  # → OPEN, ACKNOWLEDGED, RESOLVED; OPEN or RESOLVED when the mute ends
    RESOLVED = "RESOLVED", "Resolved"  # → REGRESSED; → OPEN by a person, with work left


SETTABLE = frozenset(
    {GroupState.OPEN, GroupState.ACKNOWLEDGED, GroupState.MUTED, GroupState.RESOLVED}
)
"""The states that a person can give a group."""


class ReplayState(TextChoices):
    """The state of a replay."""

    RUNNING = "RUNNING", "Running"  # → COMPLETED, STOPPED, CANCELLED
    COMPLETED = "COMPLETED", "Completed"  # every letter was submitted or skipped
    STOPPED = "STOPPED", "Stopped by failures"  # by the stop rule, or an error
    CANCELLED = "CANCELLED", "Cancelled"  # by a person
