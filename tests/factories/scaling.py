"""Rows of the autoscaler: who leads, the pool, decisions, launches."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import factory
from factory.django import DjangoModelFactory

from controlplane.core.clock import now
from scaling.models import Launch, Pool, ScalingEvent
from scaling.queries.pool import AUTOSCALER, get_pool
from scaling.states import EventState
from scaling.strategies import Demand, Memory, RunTimes, Settings, decide
from tasks_app.models import Leader


class LeaderFactory(DjangoModelFactory[Leader]):
    """A loop that leads for `seconds`; where they are negative, one that has ended."""

    class Meta:
        model = Leader

    class Params:
        seconds = 600.0
        at = factory.LazyFunction(now)

    holder = factory.LazyFunction(uuid4)
    holder_label = "somewhere:1"
    acquired_at = factory.SelfAttribute("at")
    expires_at = factory.LazyAttribute(lambda row: row.at + timedelta(seconds=row.seconds))
    last_pass_at = factory.LazyAttribute(
        lambda row: row.at + timedelta(seconds=min(0.0, row.seconds))
    )


class ScalingEventFactory(DjangoModelFactory[ScalingEvent]):
    """A decision that was carried out within two seconds."""

    class Meta:
        model = ScalingEvent

    class Params:
        ago = 0.0

    pool = factory.LazyFunction(get_pool)
    at = factory.LazyAttribute(lambda event: now() - timedelta(seconds=event.ago))
    trigger = "strategy"
    backend = "process"
    strategy = "predictive"
    rule = "wait"
    from_workers = 2
    recommended_workers = 5
    to_workers = 5
    sentence = "2 → 5 workers. 200 waiting."
    state = EventState.SUCCEEDED.value
    finished_at = factory.LazyAttribute(
        lambda event: (
            None
            if event.state in (EventState.WAITING.value, EventState.ACTING.value)
            else event.at + timedelta(seconds=2)
        )
    )


class LaunchFactory(DjangoModelFactory[Launch]):
    """A worker that was ready after 1.5 s."""

    class Meta:
        model = Launch

    pool = factory.LazyFunction(get_pool)
    backend = "process"
    key = "w-1"
    ended_at = factory.LazyFunction(now)
    asked_at = factory.LazyFunction(lambda: now() - timedelta(seconds=1.5))
    state = "READY"


def make_leader(name: str = AUTOSCALER, **fields: Any) -> Leader:
    """The loop that leads, instead of one that led before."""
    Leader.objects.filter(name=name).delete()
    return LeaderFactory.create(name=name, **fields)


def set_pool(**columns: Any) -> Pool:
    """The pool with these columns."""
    pool = get_pool()
    Pool.objects.filter(name=pool.name).update(**columns)
    return get_pool()


def make_decision(waiting: int = 200, **measured: Any) -> dict[str, Any]:
    """The record of a decision of the default strategy for a small fleet with a backlog."""
    values: dict[str, Any] = {
        "at": 1_000.0,
        "measured_at": 1_000.0,
        "waiting": waiting,
        "oldest": 12.0,
        "per_second": 0.5,
        "run_times": RunTimes.of([5.0] * 100),
        "ages": (1.0, 1.0, 300.0),
        "ready": 2,
        **measured,
    }
    decision = decide("predictive", Demand(**values), Settings(), Memory())
    record: dict[str, Any] = json.loads(json.dumps(decision.to_json()))  # as the database has it
    return record


def make_scaling_event(state: str = "SUCCEEDED", **fields: Any) -> ScalingEvent:
    """A decision in this state; `ago` is its age in seconds."""
    return ScalingEventFactory.create(state=state, **fields)


def make_launch(event: ScalingEvent | None = None, **fields: Any) -> Launch:
    """A worker that the autoscaler started."""
    return LaunchFactory.create(event=event, **fields)
