"""What was begun is followed to its end: starts, drains, and the events that asked for them."""

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings

from controlplane.core.clock import now
from scaling import transitions
from scaling.fleet import Fleet, Member, Phase
from scaling.models import Launch
from scaling.selectors.launches import list_starting
from scaling.services.mustering import Muster, Worker
from scaling.services.settling import settle_events
from scaling.states import LaunchState
from tasks_app.selectors import list_nodes_holding_tasks
from workers.services import note_end
from workers.states import NodeState

logger = logging.getLogger(__name__)

# A node that drains must be seen with empty hands for so long: a claim that was under way when the
# drain was committed shows by then.
_EMPTY_SECONDS = 1.0


@dataclass
class Follower:
    """Looks after what is under way in one fleet. What it remembers may be lost: it only waits a
    little longer then."""

    fleet: Fleet
    gone: frozenset[int] = frozenset()  # nodes that look alive, whose worker was seen to have ended
    _empty_since: dict[str, float] = field(default_factory=dict)

    def follow(self, muster: Muster) -> bool:
        """One look; whether a launch has failed. May raise FleetError."""
        self.gone = muster.gone
        has_failed = self._end_launches(muster)
        self._stop_the_drained(muster)
        for member in muster.ended:
            if member.detail:
                note_end(member.host, member.pid, since=member.started_at, reason=member.detail)
        if muster.ended:
            self.fleet.clear([member.key for member in muster.ended])
        settle_events(muster, self.fleet.name)
        return has_failed

    def end(self) -> None:
        """The loop ends, and may have taken its workers with it: what starts no more has not
        failed. May raise FleetError."""
        left = {m.key for m in self.fleet.list_members() if m.phase is not Phase.ENDED}
        for launch in list_starting():
            if launch.key and launch.key not in left:
                said = "The autoscaler ended, and its workers with it."
                transitions.end_launch(launch.id, LaunchState.CANCELLED, problem=said)

    def _end_launches(self, muster: Muster) -> bool:
        has_failed = False
        limit = timedelta(seconds=settings.TASKPLANE_SCALING["START_TIMEOUT_SECONDS"])
        by_launch = {w.launch.id: w for w in muster.workers if w.launch is not None}
        ended = {member.key: member for member in muster.ended}
        for launch in list_starting():
            worker = by_launch.get(launch.id)
            if worker is not None and worker.is_ready and worker.node is not None:
                transitions.end_launch(launch.id, LaunchState.READY, node_id=worker.node.id)
            elif problem := _problem(launch, worker, ended, now() - launch.asked_at > limit):
                logger.warning("A worker did not come up: %s", problem)
                transitions.end_launch(launch.id, LaunchState.FAILED, problem=problem[:1000])
                self._give_up(worker)
                has_failed = True
        return has_failed

    def _give_up(self, worker: Worker | None) -> None:
        if worker is not None and worker.member is not None and worker.node is None:
            self.fleet.fence([worker.member.key])
            self.fleet.stop([worker.member.key])

    def _stop_the_drained(self, muster: Muster) -> None:
        """Those whose node drains and holds nothing; and those whose node has ended while they
        themselves go on, where something outside keeps a process alive that has left its post."""
        leaving = {
            worker.member.key: worker.node
            for worker in muster.leaving
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


def _problem(
    launch: Launch, worker: Worker | None, ended: dict[str, Member], is_overdue: bool
) -> str:
    """Why this launch failed; empty while it may still become ready."""
    if launch.key and launch.key in ended:
        return ended[launch.key].detail or "It ended in order before it was ready."
    if launch.key and worker is None:
        return "It is gone before it was ready."
    if not is_overdue:
        return ""
    detail = worker.member.detail if worker is not None and worker.member is not None else ""
    waited = settings.TASKPLANE_SCALING["START_TIMEOUT_SECONDS"]
    return f"It was not ready within {waited:g} s. {detail}".strip()
