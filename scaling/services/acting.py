"""A number of workers becomes workers that start, or nodes that drain."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction

from controlplane.core.clock import now
from scaling import transitions
from scaling.fleet import Fleet
from scaling.models import Launch, ScalingEvent
from scaling.services.mustering import Muster, look_again
from scaling.services.victims import Victim, choose
from scaling.states import LaunchState
from scaling.strategies import RunTimes
from tasks_app.selectors.holdings import list_held_since
from workers.services import retire_node


def grow(fleet: Fleet, event: ScalingEvent, count: int) -> None:
    """Ask for so many more. May raise FleetError: then none of them is counted on; what came up all
    the same is seen among the members."""
    asked_at = now()
    keys = fleet.start(count)
    names = [*keys, *[""] * (count - len(keys))]
    Launch.objects.bulk_create(
        Launch(
            pool_id=event.pool_id,
            event=event,
            backend=event.backend,
            key=key,
            asked_at=asked_at,
        )
        for key in names[:count]
    )


def shrink(fleet: Fleet, muster: Muster, count: int, run_times: RunTimes) -> list[dict[str, Any]]:
    """Choose whom to let go, see to it that nothing starts them again, and let their nodes drain;
    those that are not ready are stopped at once. Who was chosen, and why. May raise FleetError:
    then nothing drains."""
    nodes = [worker.node.id for worker in muster.ready if worker.node is not None]
    victims = choose(
        muster.workers,
        count,
        held=list_held_since(nodes),
        run_times=run_times,
        at=muster.at,
    )
    fleet.fence(_keys(victims))
    # A decision takes time, and a node that has registered may hold work already, even if it is not
    # counted as ready. One that registers from here on takes longer to come up than the stop.
    victims = _with_nodes(victims)
    fleet.stop(_keys([victim for victim in victims if victim.worker.node is None]))
    with transaction.atomic():
        for victim in victims:
            if victim.worker.node is not None:
                retire_node(victim.worker.node.id)
            if victim.worker.launch is not None:
                transitions.end_launch(victim.worker.launch.id, LaunchState.CANCELLED)
    return [_describe(victim) for victim in victims]


def _with_nodes(victims: Sequence[Victim]) -> list[Victim]:
    workers = look_again([victim.worker for victim in victims])
    return [replace(victim, worker=worker) for victim, worker in zip(victims, workers, strict=True)]


def _keys(victims: Sequence[Victim]) -> list[str]:
    return [victim.worker.member.key for victim in victims if victim.worker.member is not None]


def _describe(victim: Victim) -> dict[str, Any]:
    worker = victim.worker
    return {
        "key": worker.member.key if worker.member is not None else "",
        "node": worker.node.id if worker.node is not None else None,
        "name": worker.name,
        "reason": victim.reason,
    }
