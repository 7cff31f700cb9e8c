"""The record of decisions. It serves all workspaces, so these take none."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Prefetch, QuerySet

from controlplane.core.errors import NotFound
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import COMMA, Choices, Flag, Moment, Texts
from scaling.models import Launch, ScalingEvent
from scaling.queries.pool import POOL
from scaling.states import EventState, Trigger

_CHUNK = 200


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Every condition must match; of several values of a condition, one must match. `since` and
    `until`: decided at or after the first, and before the second. Decisions that changed nothing
    are left out unless `unchanged` is true or their state is filtered for.
    """

    states: tuple[str, ...] = condition(
        "state",
        Choices(choices=tuple(EventState.values)),
        f"{COMMA} Default: all but UNCHANGED.",
    )
    triggers: tuple[str, ...] = condition("trigger", Choices(choices=tuple(Trigger.values)), COMMA)
    rules: tuple[str, ...] = condition("rule", Texts(), COMMA)
    since: datetime | None = condition("since", Moment(), "Decided at this time or later.")
    until: datetime | None = condition("until", Moment(), "Decided before this time.")
    unchanged: bool = condition("unchanged", Flag(), "Include decisions that changed nothing.")


def list_events(filters: EventFilter | None = None) -> QuerySet[ScalingEvent]:
    """Events without their inputs, with their launches, newest first."""
    return with_launches(_narrow(filters or EventFilter())).order_by("-id")


def with_launches(events: QuerySet[ScalingEvent]) -> QuerySet[ScalingEvent]:
    """These events without their inputs, with their launches."""
    launches = Prefetch("launches", Launch.objects.order_by("id"))
    return events.defer("inputs").prefetch_related(launches)


def get_event(event_id: UUID) -> ScalingEvent:
    """One event with all its inputs. Raises NotFound."""
    launches = Prefetch("launches", Launch.objects.order_by("id"))
    event = ScalingEvent.objects.filter(id=event_id).prefetch_related(launches).first()
    if event is None:
        raise NotFound(f"There is no scaling event {event_id}.")
    return event


def get_newest_event() -> ScalingEvent | None:
    """The newest decision that changed something, or should have; None when there is none."""
    return list_events().first()


def iterate_events(since: datetime) -> Iterator[list[ScalingEvent]]:
    """Events from `since` on with their inputs, oldest first, in chunks of bounded size."""
    found = ScalingEvent.objects.filter(pool=POOL, at__gte=since)
    last: UUID | None = None
    while True:
        behind = found if last is None else found.filter(id__gt=last)
        chunk = list(behind.order_by("id")[:_CHUNK])
        if not chunk:
            return
        last = chunk[-1].id
        yield chunk


def count_events(since: datetime) -> dict[str, int]:
    """The number of events by state since `since`, without those that changed nothing."""
    states = [state.value for state in EventState if state != EventState.UNCHANGED]
    found = _narrow(EventFilter(since=since)).order_by()
    counts = dict(found.values_list("state").annotate(number=Count("id")))
    return {state: counts.get(state, 0) for state in states}


def _narrow(filters: EventFilter) -> QuerySet[ScalingEvent]:
    events = ScalingEvent.objects.filter(pool=POOL)
    if filters.states:
        events = events.filter(state__in=filters.states)
    elif not filters.unchanged:
        events = events.exclude(state=EventState.UNCHANGED)
    if filters.triggers:
        events = events.filter(trigger__in=filters.triggers)
    if filters.rules:
        events = events.filter(rule__in=filters.rules)
    if filters.since is not None:
        events = events.filter(at__gte=filters.since)
    if filters.until is not None:
        events = events.filter(at__lt=filters.until)
    return events
