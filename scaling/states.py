"""The state machines of scaling events and launches."""

from django.db.models import TextChoices


class EventState(TextChoices):
    """The state of a decision."""

    UNCHANGED = "UNCHANGED", "Unchanged"  # nothing was to change, or it was constrained
    RECOMMENDED = "RECOMMENDED", "Recommended"  # published, for an external scaler to follow
    WAITING = "WAITING", "Waiting"  # a manual override that the loop has not taken up yet
    ACTING = "ACTING", "Acting"  # workers start or drain
    SUCCEEDED = "SUCCEEDED", "Succeeded"
    SUPERSEDED = "SUPERSEDED", "Superseded"  # a later decision desired another number
    TIMED_OUT = "TIMED_OUT", "Timed out"  # the number was not reached in time
    FAILED = "FAILED", "Failed"  # the back-end refused


class Trigger(TextChoices):
    """Who decided."""

    STRATEGY = "strategy", "A strategy"
    PERSON = "person", "A person"


class LaunchState(TextChoices):
    """The state of a requested worker."""

    STARTING = "STARTING", "Starting"
    READY = "READY", "Ready"
    CANCELLED = "CANCELLED", "Cancelled"  # no longer needed before it was ready
    FAILED = "FAILED", "Failed"  # ended, or was not ready in time


OPEN_EVENTS = frozenset({EventState.WAITING, EventState.ACTING})

EVENT_TRANSITIONS: dict[EventState, frozenset[EventState]] = {
    EventState.WAITING: frozenset(
        {EventState.ACTING, EventState.SUCCEEDED, EventState.RECOMMENDED, EventState.SUPERSEDED,
         EventState.FAILED}
    ),
    EventState.ACTING: frozenset(
        {EventState.SUCCEEDED, EventState.SUPERSEDED, EventState.TIMED_OUT, EventState.FAILED}
    ),
    # A fleet that is late may still arrive.
    EventState.TIMED_OUT: frozenset({EventState.SUCCEEDED, EventState.SUPERSEDED}),
    EventState.UNCHANGED: frozenset(),
    EventState.RECOMMENDED: frozenset(),
    EventState.SUCCEEDED: frozenset(),
    EventState.SUPERSEDED: frozenset(),
    EventState.FAILED: frozenset(),
}  # fmt: skip

LAUNCH_TRANSITIONS: dict[LaunchState, frozenset[LaunchState]] = {
    LaunchState.STARTING: frozenset({LaunchState.READY, LaunchState.CANCELLED, LaunchState.FAILED}),
    LaunchState.READY: frozenset(),
    LaunchState.CANCELLED: frozenset(),
    LaunchState.FAILED: frozenset(),
}
