"""Tracks launches, drains and their events until they end."""

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Prefetch

from controlplane.core.clock import now
from scaling import sentences, transitions
from scaling.fleet import Fleet, Member, Phase
from scaling.fleet_snapshot import FleetSnapshot, Worker
from scaling.models import Launch, ScalingEvent
from scaling.queries.launches import count_cut_attempts, get_pause, list_starting
from scaling.states import EventState, LaunchState
from tasks_app.queries import list_nodes_holding_tasks
from tasks_app.signals import alert_raised
from workers.queries import list_ended_ids
from workers.services import note_end
from workers.states import NodeState

logger = logging.getLogger(__name__)

# A node that drains must be seen without a task for so long: a claim that was under way when the
# drain was committed shows by then.
_EMPTY_SECONDS = 1.0
_OPEN = [EventState.ACTING.value, EventState.TIMED_OUT.value]
_FOLLOWED_FOR = timedelta(days=7)  # an event that is late for longer stays TIMED_OUT


@dataclass
class LaunchTracker:
    """Tracks launches and drains of one fleet. Its memory may be lost: then it only waits a little
    longer."""

    fleet: Fleet
    gone: frozenset[int] = frozenset()  # nodes that look alive, whose worker was seen to have ended
    _empty_since: dict[str, float] = field(default_factory=dict)

    def update(self, snapshot: FleetSnapshot) -> bool:
        """Bring launches, drains and events up to date. Returns whether a launch has failed. May
        raise FleetError."""
        self.gone = snapshot.gone
        has_failed = self._end_launches(snapshot)
        self._stop_drained(snapshot)
        for member in snapshot.ended:
            if member.detail:
                note_end(member.host, member.pid, since=member.started_at, reason=member.detail)
        if snapshot.ended:
            self.fleet.clear([member.key for member in snapshot.ended])
        close_events(snapshot, self.fleet.name)
        return has_failed

    def end(self) -> None:
        """Called when the loop ends, and may have stopped its workers: launches that no longer
        exist have not failed. May raise FleetError."""
        left = {m.key for m in self.fleet.list_members() if m.phase is not Phase.ENDED}
        for launch in list_starting():
            if launch.key and launch.key not in left:
                problem = sentences.STOPPED_WITH_AUTOSCALER
                transitions.end_launch(launch.id, LaunchState.CANCELLED, problem=problem)

    def _end_launches(self, snapshot: FleetSnapshot) -> bool:
        has_failed = False
        limit = timedelta(seconds=settings.TASKPLANE_SCALING["START_TIMEOUT_SECONDS"])
        by_launch = {w.launch.id: w for w in snapshot.workers if w.launch is not None}
        ended = {member.key: member for member in snapshot.ended}
        for launch in list_starting():
            worker = by_launch.get(launch.id)
            if worker is not None and worker.is_ready and worker.node is not None:
                transitions.end_launch(launch.id, LaunchState.READY, node_id=worker.node.id)
            elif problem := _find_problem(launch, worker, ended, now() - launch.asked_at > limit):
                logger.warning("Launch failed: key=%s problem=%s", launch.key, problem)
                transitions.end_launch(launch.id, LaunchState.FAILED, problem=problem[:1000])
                self._stop_failed(worker)
                has_failed = True
        return has_failed

    def _stop_failed(self, worker: Worker | None) -> None:
        if worker is not None and worker.member is not None and worker.node is None:
            self.fleet.fence([worker.member.key])
            self.fleet.stop([worker.member.key])

    def _stop_drained(self, snapshot: FleetSnapshot) -> None:
        """Members whose node drains and holds no tasks, and members that still run although their
        node has ended, because something keeps their process alive."""
        leaving = {
            worker.member.key: worker.node
            for worker in snapshot.leaving
            if worker.member is not None
            and worker.node is not None
            and worker.member.phase in (Phase.STARTING, Phase.RUNNING)
        }
        holding: Collection[int] = list_nodes_holding_tasks() if leaving else ()
        moment = time.monotonic()
        self._empty_since = {
            key: self._empty_since.get(key, moment)
            for key, node in leaving.items()
            if node.state == NodeState.DRAINING and node.id not in holding
        }
        ready = [k for k, since in self._empty_since.items() if moment - since >= _EMPTY_SECONDS]
        if ready:
            self.fleet.fence(ready)  # also those that an operator drained
            self.fleet.stop(ready)


def close_events(snapshot: FleetSnapshot, backend: str) -> None:
    """End the events that are ACTING or TIMED_OUT, if their launches and victims have ended."""
    events = ScalingEvent.objects.filter(
        state__in=_OPEN, at__gte=now() - _FOLLOWED_FOR
    ).prefetch_related(Prefetch("launches", Launch.objects.order_by("id")))
    keys = {worker.member.key for worker in snapshot.workers if worker.member is not None}
    for event in events.order_by("id"):
        _close(event, keys, backend)


def fail_event(event: ScalingEvent, problem: str) -> None:
    transitions.move_event(event.id, EventState.FAILED, outcome=problem)
    _raise_alert("scaling-failed", event, problem)


def _find_problem(
    launch: Launch, worker: Worker | None, ended: dict[str, Member], is_overdue: bool
) -> str:
    """Why this launch failed; empty while it may still become ready."""
    if launch.key and launch.key in ended:
        return sentences.ended_before_ready(ended[launch.key].detail)
    if launch.key and worker is None:
        return sentences.GONE_BEFORE_READY
    if not is_overdue:
        return ""
    detail = worker.member.detail if worker is not None and worker.member is not None else ""
    seconds = settings.TASKPLANE_SCALING["START_TIMEOUT_SECONDS"]
    return sentences.not_ready_in_time(seconds, detail)


def _close(event: ScalingEvent, keys: Collection[str], backend: str) -> None:
    launches = list(event.launches.all())
    if not launches and not event.victims:
        outcome = sentences.INTERRUPTED_DECISION
        transitions.move_event(event.id, EventState.SUPERSEDED, outcome=outcome)
        return
    left = _list_remaining(event.victims, keys)
    if left or any(launch.state == LaunchState.STARTING for launch in launches):
        _check_timeout(event, launches, left)
        return
    failed = [launch for launch in launches if launch.state == LaunchState.FAILED]
    cancelled = [launch for launch in launches if launch.state == LaunchState.CANCELLED]
    parts = [*_describe_launches(launches), *_describe_victims(event)]
    nodes = [victim["node"] for victim in event.victims if victim["node"]]
    interrupted = count_cut_attempts(nodes, since=event.at) if nodes else 0
    if interrupted:
        parts.append(sentences.interrupted_tasks(interrupted))
    if failed:
        if event.state == EventState.ACTING:
            outcome = " ".join([*parts, _describe_next_launch(backend)])
            transitions.move_event(
                event.id, EventState.TIMED_OUT, outcome=outcome, interrupted_tasks=interrupted
            )
            _raise_alert("scaling-timed-out", event, outcome)
        return
    after = EventState.SUPERSEDED if cancelled else EventState.SUCCEEDED
    transitions.move_event(event.id, after, outcome=" ".join(parts), interrupted_tasks=interrupted)


def _list_remaining(victims: Sequence[dict[str, Any]], keys: Collection[str]) -> list[str]:
    """Names of the victims that have not ended: neither at the back-end nor among the nodes."""
    nodes = [victim["node"] for victim in victims if victim["node"]]
    ended = set(list_ended_ids(nodes)) if nodes else set()
    return [
        victim["name"]
        for victim in victims
        if victim["key"] in keys or (victim["node"] and victim["node"] not in ended)
    ]


def _check_timeout(event: ScalingEvent, launches: Sequence[Launch], left: Sequence[str]) -> None:
    name = "DRAIN_TIMEOUT_SECONDS" if left else "START_TIMEOUT_SECONDS"
    seconds = settings.TASKPLANE_SCALING[name]
    if event.state != EventState.ACTING or now() - event.at < timedelta(seconds=seconds):
        return
    starting = sum(1 for launch in launches if launch.state == LaunchState.STARTING)
    outcome = sentences.timed_out(seconds, starting, len(launches), left)
    if transitions.move_event(event.id, EventState.TIMED_OUT, outcome=outcome):
        _raise_alert("scaling-timed-out", event, outcome)


def _describe_launches(launches: Sequence[Launch]) -> list[str]:
    times = [
        (launch.ended_at - launch.asked_at).total_seconds()
        for launch in launches
        if launch.state == LaunchState.READY and launch.ended_at
    ]
    parts = [sentences.ready_after(times)] if times else []
    parts += [
        sentences.launch_failed(launch.key, launch.problem)
        for launch in launches
        if launch.state == LaunchState.FAILED
    ]
    cancelled = sum(1 for launch in launches if launch.state == LaunchState.CANCELLED)
    return [*parts, sentences.launches_cancelled(cancelled)] if cancelled else parts


def _describe_victims(event: ScalingEvent) -> list[str]:
    drained = [victim["name"] for victim in event.victims if victim["node"]]
    unused = [victim["name"] for victim in event.victims if not victim["node"]]
    parts = []
    if drained:
        parts.append(sentences.drained(drained, (now() - event.at).total_seconds()))
    if unused:
        parts.append(sentences.stopped_unused(unused))
    return parts


def _describe_next_launch(backend: str) -> str:
    pause = get_pause(backend)
    if pause is None or pause.until <= now():
        return sentences.next_launch(None, 0)
    return sentences.next_launch(pause.until, pause.failures)


def _raise_alert(kind: str, event: ScalingEvent, outcome: str) -> None:
    alert_raised.send_robust(
        sender=ScalingEvent,
        kind=kind,
        severity="warning",
        message=f"{event.sentence} {outcome}"[:1_000],
        detail={"event": str(event.id), "from": event.from_workers, "to": event.to_workers},
    )
