"""Ask the strategy, with what is measured now and what is remembered."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from controlplane.core.clock import now
from scaling.configuration import Configuration
from scaling.crew import Crew
from scaling.models import Pool
from scaling.selectors.demand import Observer
from scaling.selectors.launches import failed_since, get_startup
from scaling.selectors.pool import get_configuration, read_pool
from scaling.services.mustering import list_pool_nodes
from scaling.strategies import Decision, Memory, decide
from tasks_app.selectors.engine_health import unresponsive_after
from workers.states import NodeState


def make_decision(
    observer: Observer, crew: Crew, configuration: Configuration, memory: Memory, *, fixed: int = 0
) -> Decision:
    """One decision. `fixed`: workers that cannot be stopped, so that no fewer can be wanted."""
    demand = observer.look(crew, configuration)
    limits = configuration.for_strategies(crew.slots)
    least = max(limits.min_workers, fixed)
    limits = replace(limits, min_workers=least, max_workers=max(limits.max_workers, least))
    return decide(configuration.strategy, demand, limits, memory)


def decide_now() -> Decision:
    """What would be decided from what is seen now, without a memory: for readers of the metric
    while no loop runs. The workers are the nodes that are heard of."""
    pool = read_pool()
    nodes = list_pool_nodes()
    heard = now() - unresponsive_after()
    ready = [n for n in nodes if n.state == NodeState.ACTIVE and n.heartbeat_at > heard]
    crew = Crew(
        ready=tuple(node.id for node in ready),
        draining=tuple(node.id for node in nodes if node.state == NodeState.DRAINING),
        starting=(),
        startup=get_startup(settings.TASKPLANE_SCALING["BACKEND"]),
        slots=ready[0].concurrency if ready else settings.TASKPLANE["WORKER_CONCURRENCY"],
    )
    # Two weeks of minutes are not read for one number.
    configuration = replace(get_configuration(pool), use_forecast=False)
    observer = Observer(settings.TASKPLANE["WORKER_QUEUES"])
    return make_decision(observer, crew, configuration, Memory())


def recall(pool: Pool, backend: str) -> Memory:
    """What the loop remembers, also of the leader before. A number that was raised and then not
    reached, since a launch failed, starts no cooldown: the pause after the failure is its own."""
    memory = Memory.from_json(pool.memory) if pool.memory else Memory()
    if memory.raised_at is None:
        return memory
    raised = datetime.fromtimestamp(memory.raised_at, UTC)
    return replace(memory, raised_at=None) if failed_since(backend, raised) else memory


def memory_json(memory: Memory) -> dict[str, Any]:
    """As it is kept."""
    return asdict(memory)
