"""Rows of the autoscaler for tests: a loop that leads, decisions, launches."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from controlplane.core.clock import now
from scaling.models import Launch, Pool, ScalingEvent
from scaling.queries.pool import AUTOSCALER, get_pool
from scaling.states import EventState
from scaling.strategies import Demand, Memory, RunTimes, Settings, decide
from tasks_app.models import Leader

_UNFINISHED = {EventState.WAITING.value, EventState.ACTING.value}


def lead(name: str = AUTOSCALER, *, seconds: float = 600) -> Leader:
    """A loop that leads for so long; of a negative time, one that has ended."""
    at = now()
    seen = at + timedelta(seconds=min(0.0, seconds))
    return Leader.objects.update_or_create(
        name=name,
        defaults={
            "holder": uuid4(),
            "holder_label": "somewhere:1",
            "acquired_at": at,
            "expires_at": at + timedelta(seconds=seconds),
            "last_pass_at": seen,
        },
    )[0]


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
    found: dict[str, Any] = json.loads(json.dumps(decision.to_json()))  # as the database has it
    return found


def make_event(state: str = "SUCCEEDED", *, ago: float = 0, **columns: Any) -> ScalingEvent:
    """A decision, `ago` seconds ago."""
    at = now() - timedelta(seconds=ago)
    values: dict[str, Any] = {
        "pool": get_pool(),
        "at": at,
        "trigger": "strategy",
        "backend": "process",
        "strategy": "predictive",
        "rule": "wait",
        "from_workers": 2,
        "recommended_workers": 5,
        "to_workers": 5,
        "sentence": "2 → 5 workers. 200 waiting.",
        "state": state,
        "finished_at": None if state in _UNFINISHED else at + timedelta(seconds=2),
    }
    return ScalingEvent.objects.create(**{**values, **columns})


def make_launch(event: ScalingEvent | None = None, **columns: Any) -> Launch:
    """A worker that was ready after 1.5 s."""
    at = now()
    values: dict[str, Any] = {
        "pool": get_pool(),
        "event": event,
        "backend": "process",
        "key": "w-1",
        "asked_at": at - timedelta(seconds=1.5),
        "ended_at": at,
        "state": "READY",
    }
    return Launch.objects.create(**{**values, **columns})
