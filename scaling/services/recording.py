"""Decisions become events."""

from dataclasses import dataclass, field
from typing import Any

from controlplane.core.clock import now
from scaling.models import Pool, ScalingEvent
from scaling.states import EventState, Trigger
from scaling.strategies import Decision

MANUAL = "manual"
HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Plan:
    """A number of workers, and why: a strategy's decision, a person's order, or a reason to hold.

    now: workers there are or will be. wanted: workers there should be.
    """

    now: int
    wanted: int
    sentence: str
    rule: str
    wish: int
    trigger: Trigger = Trigger.STRATEGY
    strategy: str = ""
    limiter: str = ""
    actor_label: str = "system"
    inputs: dict[str, Any] = field(default_factory=dict)

    @property
    def change(self) -> int:
        """Workers to start (above 0) or to let go (below 0)."""
        return self.wanted - self.now


def plan_of(decision: Decision) -> Plan:
    """A strategy's decision."""
    outcome = decision.outcome
    return Plan(
        now=decision.demand.workers,
        wanted=outcome.wanted,
        sentence=outcome.sentence,
        rule=outcome.rule.value,
        wish=outcome.wish,
        strategy=decision.strategy,
        limiter=outcome.limiter.value,
        inputs=decision.to_json(),
    )


def hold_plan(workers: int, sentence: str, limiter: str) -> Plan:
    """Nothing can be decided."""
    return Plan(workers, workers, sentence, HOLD, workers, limiter=limiter)


def record(
    pool: Pool, plan: Plan, state: EventState, *, term: int, outcome: str = "", **columns: Any
) -> ScalingEvent:
    """Keep a decision in its first state."""
    is_open = state == EventState.ACTING
    return ScalingEvent.objects.create(
        pool=pool,
        trigger=plan.trigger.value,
        backend=pool.backend,
        strategy=plan.strategy,
        rule=plan.rule,
        limiter=plan.limiter,
        from_workers=plan.now,
        wish=plan.wish,
        to_workers=plan.wanted,
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
