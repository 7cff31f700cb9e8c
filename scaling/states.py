"""The state machines of scaling events and launches."""

from django.db.models import TextChoices


class EventState(TextChoices):
    """What came of a decision."""

    HELD = "HELD", "Held"  # nothing was to change, or the wish was not followed
    ADVISED = "ADVISED", "Advised"  # published, for something else to act upon
    WAITING = "WAITING", "Waiting"  # ordered by a person; the loop has not taken it up yet
    ACTING = "ACTING", "Acting"  # workers start or drain
    REACHED = "REACHED", "Reached"
    SUPERSEDED = "SUPERSEDED", "Superseded"  # a later decision wanted another number
    MISSED = "MISSED", "Missed"  # the number was not reached in time
    FAILED = "FAILED", "Failed"  # the back-end refused


class Trigger(TextChoices):
    """Who decided."""

    STRATEGY = "strategy", "A strategy"
    PERSON = "person", "A person"


class LaunchState(TextChoices):
    """How far a worker that was asked for came."""

    STARTING = "STARTING", "Starting"
    READY = "READY", "Ready"
    CANCELLED = "CANCELLED", "Cancelled"  # no longer wanted before it was ready
    FAILED = "FAILED", "Failed"  # ended, or was not ready in time


OPEN_EVENTS = frozenset({EventState.WAITING, EventState.ACTING})

EVENT_TRANSITIONS: dict[EventState, frozenset[EventState]] = {
    EventState.WAITING: frozenset(
        {EventState.ACTING, EventState.REACHED, EventState.ADVISED, EventState.SUPERSEDED,
         EventState.FAILED}
    ),
    EventState.ACTING: frozenset(
        {EventState.REACHED, EventState.SUPERSEDED, EventState.MISSED, EventState.FAILED}
    ),
    # A fleet that is late may still arrive.
    EventState.MISSED: frozenset({EventState.REACHED, EventState.SUPERSEDED}),
    EventState.HELD: frozenset(),
    EventState.ADVISED: frozenset(),
    EventState.REACHED: frozenset(),
    EventState.SUPERSEDED: frozenset(),
    EventState.FAILED: frozenset(),
}  # fmt: skip

LAUNCH_TRANSITIONS: dict[LaunchState, frozenset[LaunchState]] = {
    LaunchState.STARTING: frozenset({LaunchState.READY, LaunchState.CANCELLED, LaunchState.FAILED}),
    LaunchState.READY: frozenset(),
    LaunchState.CANCELLED: frozenset(),
    LaunchState.FAILED: frozenset(),
}
