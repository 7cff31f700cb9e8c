"""Make, record, publish and replay decisions."""

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from controlplane.core.clock import now
from scaling import sentences
from scaling.fleet_snapshot import list_pool_nodes
from scaling.models import Pool, ScalingEvent
from scaling.queries.demand import Observer, WorkerCounts, is_idle
from scaling.queries.events import iterate_events
from scaling.queries.launches import failed_since, get_startup
from scaling.queries.pool import (
    get_configuration,
    get_manual_override,
    get_published,
    get_sound_configuration,
    read_pool,
)
from scaling.schema import Configuration
from scaling.states import EventState, Trigger
from scaling.strategies import Decision, Memory, Rule, Settings, decide, find_difference
from tasks_app.queries.engine_health import unresponsive_after
from workers.states import NodeState

MANUAL = "manual"  # the rule of an override
_MAX_DIFFERENCES = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """A number of workers, and why: a strategy's decision, a manual override, or a problem.

    current: workers there are or will be. desired: workers there should be.
    """

    current: int
    desired: int
    sentence: str
    rule: str
    recommended: int
    trigger: Trigger = Trigger.STRATEGY
    strategy: str = ""
    constraint: str = ""
    actor_label: str = "system"
    inputs: dict[str, Any] = field(default_factory=dict)

    @property
    def change(self) -> int:
        """Workers to start (above 0) or to terminate (below 0)."""
        return self.desired - self.current


def make_decision(
    observer: Observer,
    counts: WorkerCounts,
    configuration: Configuration,
    memory: Memory,
    *,
    unmanaged: int = 0,
) -> Decision:
    """Measure the demand and ask the strategy. `unmanaged`: workers that cannot be stopped, so no
    fewer can be desired."""
    demand = observer.look(counts, configuration)
    least = max(configuration.min_workers, unmanaged)
    limits = {"min_workers": least, "max_workers": max(configuration.max_workers, least)}
    values = {**configuration.to_json(), **limits, "slots": counts.slots}
    # Not validated again: workers that cannot be stopped may be more than a maximum can be.
    return decide(configuration.strategy, demand, Settings.model_construct(**values), memory)


def decide_now() -> Decision:
    """The decision from the present state without a memory: for readers of the metric while no loop
    runs. The workers are the nodes with a recent heartbeat."""
    pool = read_pool()
    nodes = list_pool_nodes()
    recent = now() - unresponsive_after()
    ready = [n for n in nodes if n.state == NodeState.ACTIVE and n.heartbeat_at > recent]
    counts = WorkerCounts(
        ready=tuple(node.id for node in ready),
        draining=tuple(node.id for node in nodes if node.state == NodeState.DRAINING),
        starting=(),
        startup=get_startup(settings.TASKPLANE_SCALING["BACKEND"]),
        slots=ready[0].concurrency if ready else settings.TASKPLANE["WORKER_CONCURRENCY"],
    )
    # A week of minutes is not read for one number.
    configuration = get_configuration(pool).model_copy(update={"use_forecast": False})
    observer = Observer(settings.TASKPLANE["WORKER_QUEUES"])
    return make_decision(observer, counts, configuration, Memory())


def load_memory(pool: Pool, backend: str) -> Memory:
    """The memory of the loop, including that of the previous leader. A scale-up whose launch failed
    starts no cooldown: the failure has its own pause."""
    memory = Memory.from_json(pool.memory) if pool.memory else Memory()
    if memory.raised_at is None:
        return memory
    raised = datetime.fromtimestamp(memory.raised_at, UTC)
    return replace(memory, raised_at=None) if failed_since(backend, raised) else memory


def read_metric() -> int:
    """The number of desired workers; 0 if no task waits, runs or is expected. It comes from the
    loop's last pass; while no loop runs, each call makes a decision without a memory.

    Raises Conflict: the configuration contradicts itself, and no loop has decided before.
    """
    pool = read_pool()
    published = get_published(pool)
    if published is not None:
        return published
    override = get_manual_override(pool)
    if override is not None:
        return override.workers
    configuration = get_sound_configuration(pool)
    decision = decide_now()
    if not configuration.enabled:
        return decision.demand.workers
    return 0 if is_idle(decision.demand) else decision.desired


def strategy_plan(decision: Decision) -> Plan:
    outcome = decision.outcome
    return Plan(
        current=decision.demand.workers,
        desired=outcome.desired,
        sentence=outcome.sentence,
        rule=outcome.rule.value,
        recommended=outcome.recommended,
        strategy=decision.strategy,
        constraint=outcome.constraint.value,
        inputs=decision.to_json(),
    )


def no_change_plan(workers: int, problem: str, constraint: str) -> Plan:
    sentence = sentences.not_decided(workers, problem)
    return Plan(workers, workers, sentence, Rule.NO_CHANGE, workers, constraint=constraint)


def record(
    pool: Pool, plan: Plan, state: EventState, *, term: int, outcome: str = "", **columns: Any
) -> ScalingEvent:
    is_open = state == EventState.ACTING
    return ScalingEvent.objects.create(
        pool=pool,
        trigger=plan.trigger.value,
        backend=pool.backend,
        strategy=plan.strategy,
        rule=plan.rule,
        constraint=plan.constraint,
        from_workers=plan.current,
        recommended_workers=plan.recommended,
        to_workers=plan.desired,
        sentence=plan.sentence,
        inputs=plan.inputs,
        actor_label=plan.actor_label,
        config_version=pool.version,
        term=term,
        state=state.value,
        outcome=outcome,
        finished_at=None if is_open else now(),
        **columns,
    )


def save_decision(
    pool: Pool, *, target: int | None, decision: Decision | None = None, overridden: bool = False
) -> None:
    """Store the target, and the state for the next decision, in the pool's row."""
    pool.target, pool.decided_at = target, now()
    columns = ["target", "decided_at"]
    if decision is not None:
        pool.is_idle = is_idle(decision.demand)
        # During an override the strategy's recommendations are not followed: it starts afresh.
        pool.memory = {} if overridden else asdict(decision.outcome.memory)
        columns += ["is_idle", "memory"]
    pool.save(update_fields=columns)


@dataclass(frozen=True, slots=True)
class Replayed:
    """The number of recorded decisions whose replay is equal; the first of those that differ, with
    the difference. `undecided`: events without a decision, such as overrides, and those without
    measurements."""

    same: int
    different: int
    undecided: int
    differences: list[tuple[UUID, str]]


def replay_decisions(since: datetime) -> Replayed:
    """Every recorded decision of a strategy from `since` on, including those beside a manual
    override."""
    same = different = undecided = 0
    differences: list[tuple[UUID, str]] = []
    for chunk in iterate_events(since):
        for event in chunk:
            inputs = event.inputs
            decision = inputs if "outcome" in inputs else inputs.get("instead")
            if decision is None:
                undecided += 1
            elif difference := find_difference(decision):
                different += 1
                if len(differences) < _MAX_DIFFERENCES:
                    differences.append((event.id, difference))
            else:
                same += 1
    return Replayed(same, different, undecided, differences)
