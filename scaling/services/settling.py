"""What came of a decision: reached, late, superseded, failed; in a sentence."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Prefetch

from controlplane.core.clock import now
from scaling import transitions
from scaling.models import Launch, ScalingEvent
from scaling.selectors.launches import get_pause
from scaling.services.mustering import Muster
from scaling.states import EventState, LaunchState
from tasks_app.selectors.holdings import count_cut_attempts
from tasks_app.signals import alert_raised
from workers.selectors import list_ended_ids

_OPEN = [EventState.ACTING.value, EventState.MISSED.value]
_FOLLOWED_FOR = timedelta(days=7)  # what is late for longer stays late

_NOT_NOTED = (
    "The loop ended before it was carried out, or before what it did was noted; the next decision "
    "goes on from what there is."
)


def settle_events(muster: Muster, backend: str) -> None:
    """Look at the events that are acting or late."""
    events = ScalingEvent.objects.filter(
        state__in=_OPEN, at__gte=now() - _FOLLOWED_FOR
    ).prefetch_related(Prefetch("launches", Launch.objects.order_by("id")))
    keys = {worker.member.key for worker in muster.workers if worker.member is not None}
    for event in events.order_by("id"):
        _settle(event, keys, backend)


def fail_event(event: ScalingEvent, problem: str) -> None:
    """The back-end refused."""
    transitions.move_event(event.id, EventState.FAILED, outcome=problem)
    _alert("scaling-failed", event, problem)


def _settle(event: ScalingEvent, keys: Collection[str], backend: str) -> None:
    launches = list(event.launches.all())
    if not launches and not event.victims:
        transitions.move_event(event.id, EventState.SUPERSEDED, outcome=_NOT_NOTED)
        return
    left = _still_there(event.victims, keys)
    if left or any(launch.state == LaunchState.STARTING for launch in launches):
        _mind_the_time(event, launches, left)
        return
    failed = [launch for launch in launches if launch.state == LaunchState.FAILED]
    cancelled = [launch for launch in launches if launch.state == LaunchState.CANCELLED]
    outcome = " ".join(filter(None, [_say_started(launches), _say_stopped(event)]))
    nodes = [victim["node"] for victim in event.victims if victim["node"]]
    cut = count_cut_attempts(nodes, since=event.at) if nodes else 0
    if cut:
        outcome += f" {cut} running tasks were cut short, and run again."
    if failed:
        if event.state == EventState.ACTING:
            outcome += f" {_say_next(backend)}"
            transitions.move_event(
                event.id, EventState.MISSED, outcome=outcome, interrupted_tasks=cut
            )
            _alert("scaling-missed", event, outcome)
        return
    after = EventState.SUPERSEDED if cancelled else EventState.REACHED
    transitions.move_event(event.id, after, outcome=outcome, interrupted_tasks=cut)


def _still_there(victims: Sequence[dict[str, Any]], keys: Collection[str]) -> list[str]:
    """Names of the chosen that are not gone: neither from the back-end nor from the nodes."""
    nodes = [victim["node"] for victim in victims if victim["node"]]
    ended = set(list_ended_ids(nodes)) if nodes else set()
    return [
        victim["name"]
        for victim in victims
        if victim["key"] in keys or (victim["node"] and victim["node"] not in ended)
    ]


def _mind_the_time(event: ScalingEvent, launches: Sequence[Launch], left: Sequence[str]) -> None:
    config = settings.TASKPLANE_SCALING
    seconds = config["DRAIN_TIMEOUT_SECONDS" if left else "START_TIMEOUT_SECONDS"]
    if event.state != EventState.ACTING or now() - event.at < timedelta(seconds=seconds):
        return
    starting = sum(1 for launch in launches if launch.state == LaunchState.STARTING)
    parts = [
        f"Not reached after {seconds:g} s:",
        f"{starting} of {len(launches)} workers are not ready." if starting else "",
        f"{', '.join(left)} still finish what they run; nothing is killed." if left else "",
    ]
    outcome = " ".join(filter(None, parts))
    if transitions.move_event(event.id, EventState.MISSED, outcome=outcome):
        _alert("scaling-missed", event, outcome)


def _say_started(launches: Sequence[Launch]) -> str:
    said = []
    ready = [launch for launch in launches if launch.state == LaunchState.READY]
    if ready:
        seconds = [(la.ended_at - la.asked_at).total_seconds() for la in ready if la.ended_at]
        workers = "1 worker was" if len(ready) == 1 else f"{len(ready)} workers were"
        span = (
            f"{min(seconds):.1f} s"
            if len(ready) == 1
            else (f"{min(seconds):.1f} to {max(seconds):.1f} s")
        )
        said.append(f"{workers} ready after {span}.")
    failed = [launch for launch in launches if launch.state == LaunchState.FAILED]
    said += [f"{launch.key or 'One'} failed: {launch.problem}" for launch in failed]
    cancelled = sum(1 for launch in launches if launch.state == LaunchState.CANCELLED)
    if cancelled:
        said.append(f"{cancelled} no longer wanted before being ready.")
    return " ".join(said)


def _say_next(backend: str) -> str:
    pause = get_pause(backend)
    if pause is None or pause.until <= now():
        return "Another is launched at once if it is wanted."
    attempts = "" if pause.failures == 1 else f", after {pause.failures} launches in a row"
    return f"The next launch is at {pause.until:%H:%M:%S} UTC at the earliest{attempts}."


def _say_stopped(event: ScalingEvent) -> str:
    if not event.victims:
        return ""
    seconds = (now() - event.at).total_seconds()
    drained = ", ".join(victim["name"] for victim in event.victims if victim["node"])
    others = ", ".join(victim["name"] for victim in event.victims if not victim["node"])
    said = [
        f"{drained}: drained and stopped within {seconds:.1f} s." if drained else "",
        f"{others}: stopped before it took any work." if others else "",
    ]
    return " ".join(filter(None, said))


def _alert(kind: str, event: ScalingEvent, outcome: str) -> None:
    alert_raised.send_robust(
        sender=ScalingEvent,
        kind=kind,
        severity="warning",
        message=f"{event.sentence} {outcome}"[:1_000],
        detail={"event": str(event.id), "from": event.from_workers, "to": event.to_workers},
    )
