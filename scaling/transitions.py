"""The only writer of the states of events and launches. Guarded writes, whose result shows who
won."""

from typing import Any
from uuid import UUID

from controlplane.core.clock import now
from scaling.models import Launch, ScalingEvent
from scaling.states import EVENT_TRANSITIONS, LAUNCH_TRANSITIONS, EventState, LaunchState


def move_event(event_id: UUID, after: EventState, **columns: Any) -> bool:
    """Change an event to a state that its present one allows. `finished_at` is set if the new state
    is final, or if the event was late."""
    before = [state.value for state, following in EVENT_TRANSITIONS.items() if after in following]
    if after != EventState.ACTING:
        columns.setdefault("finished_at", now())
    moved = ScalingEvent.objects.filter(id=event_id, state__in=before)
    return bool(moved.update(state=after.value, **columns))


def end_launch(launch_id: int, after: LaunchState, **columns: Any) -> bool:
    """STARTING → READY, CANCELLED or FAILED."""
    before = [state.value for state, following in LAUNCH_TRANSITIONS.items() if after in following]
    moved = Launch.objects.filter(id=launch_id, state__in=before)
    return bool(moved.update(state=after.value, ended_at=now(), **columns))
