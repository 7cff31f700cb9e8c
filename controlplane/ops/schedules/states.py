"""Choices of schedules, and the state machine of firings."""

from django.db.models import TextChoices


class Overlap(TextChoices):
    """What a firing does while the previous one has not ended."""

    SKIP = "skip", "Skip it"
    QUEUE = "queue", "Start it when the previous one has ended"
    ALLOW = "allow", "Start it in parallel"


class Source(TextChoices):
    """Who defined a schedule."""

    PERSON = "person", "A person, by API, admin or command"
    CODE = "code", "A schedules.py of an installed app"
    BEAT = "beat", "A periodic task of django-celery-beat"


class FiringKind(TextChoices):
    """Why a firing exists."""

    SCHEDULE = "schedule", "Its time came"
    CATCH_UP = "catch-up", "Its time was missed, and it runs late"
    MANUAL = "manual", "A person triggered it"


class FiringState(TextChoices):
    """The state of a firing: the decision about one nominal time, and its end."""

    QUEUED = "QUEUED", "Queued"  # waits for the firing before it → STARTED, SKIPPED
    STARTED = "STARTED", "Started"  # its task or run exists → COMPLETED, FAILED, CANCELLED
    COMPLETED = "COMPLETED", "Completed"
    FAILED = "FAILED", "Failed"  # also when it could not be submitted
    CANCELLED = "CANCELLED", "Cancelled"
    SKIPPED = "SKIPPED", "Skipped"  # decided not to run; its reason says why


class SkipReason(TextChoices):
    """Why a nominal time was not fired."""

    MISSED = "MISSED", "No dispatcher fired it in time, and it is not caught up"
    OVERLAP = "OVERLAP", "The previous firing had not ended"
    QUEUE_FULL = "QUEUE_FULL", "Too many firings were waiting"
    PAUSED = "PAUSED", "The schedule was paused"
