"""Facts of a quiet workspace, with what a test changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from controlplane.core.ids import uuid7
from controlplane.ops.overview.facts import Facts, FleetFact, Loop, QueueFact, TypeFact
from dlq.queries.growth import LetterGrowth
from tasks_app.queries.rates import TypeRates

AT = datetime(2026, 11, 27, 3, 17, 24, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LETTERS = LetterGrowth(
    open=4, series=[4] * 62, new={}, before={"charge-card": 24}, is_estimate=False
)
QUIET = Facts(
    workspace_id=uuid7(),
    at=AT,
    objective_seconds=60.0,
    queues=[],
    types=[],
    letters=LETTERS,
    failing=[],
    schedules=3,
    overdue_seconds=0.0,
    overdue_task_seconds=0.0,
    summed_until=AT,
    lost=[],
    live_nodes=2,
    fleet=FleetFact(is_on=True, target=2, maximum=10),
    dispatcher=Loop(True, AT),
    autoscaler=Loop(True, AT),
)


def facts(**changes: Any) -> Facts:
    return replace(QUIET, **changes)


def queue(name: str = "billing", **fields: Any) -> QueueFact:
    return QueueFact(id=7, name=name, **fields)


def rates(completed: int, failed: int, before: int = 10_000, failed_before: int = 60) -> TypeFact:
    return TypeFact(TypeRates("charge-card", completed, failed, before, failed_before))
