"""What the checks look at: figures of one workspace at one moment, read by `queries`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.ops.schedules.queries.failing import FailingSchedule
from dlq.queries.growth import LetterGrowth
from tasks_app.queries.rates import TypeRates

Values = list[float | None]


def up_to_now(samples: Values, value: float | None) -> Values:
    """The samples with the value of now, which stands for a minute that is not sampled yet."""
    known = samples[:-1] if samples and samples[-1] is None else samples
    return [*known, value]


@dataclass(frozen=True, slots=True)
class QueueFact:
    """A queue. `waits`: the longest wait in seconds at each minute of the last hour, the newest
    last; known for those that are shown. `holders`: the types that run in it, the most frequent
    first; known for those that wait too long. `is_served`: a live worker takes work of it."""

    id: int
    name: str
    waiting: int = 0
    running: int = 0
    oldest_seconds: float | None = None
    paused_at: datetime | None = None
    paused_by: str = ""
    pause_reason: str = ""
    max_running: int | None = None
    rate_per_second: float | None = None
    is_served: bool = True
    waits: Values = field(default_factory=list)
    holders: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TypeFact:
    """A type whose attempts ended recently. `since` and `shares` (of failed attempts at each minute
    of the last hour) are known for those whose rate is above the baseline; so is `error`, the class
    and message of most of its newest failures, as the reader may see it."""

    rates: TypeRates
    since: datetime | None = None
    shares: Values = field(default_factory=list)
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class LostNode:
    """A node that was declared lost. `states`: how many of the workspace's tasks that it took along
    are in which state now; None where they could not be counted in time, then `tasks` are those
    of all workspaces. `memory`: its bytes until the end."""

    id: int
    name: str
    lost_at: datetime
    reason: str
    tasks: int
    states: Mapping[str, int] | None = None
    memory: Values = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Loop:
    """A process of which one leads. `seen_at`: its last pass; None if it has never run."""

    leads: bool
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class FleetFact:
    """The pool. `is_on`: a strategy decides; `waiting`: the ready tasks of the workspace at each
    minute of the last hour."""

    is_on: bool
    target: int | None
    maximum: int
    problem: str = ""
    waiting: Values = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Facts:
    """`objective_seconds`: within how many seconds a task should start, in every queue.
    `overdue_seconds`: how long the oldest due schedule has waited for its decision;
    `overdue_task_seconds`: how long the oldest delayed task or retry has been due and not ready.
    `summed_until`: up to where the roll-ups are complete; None before the first.
    `live_nodes`: those that take work and report."""

    workspace_id: UUID
    at: datetime
    objective_seconds: float
    queues: list[QueueFact]
    types: list[TypeFact]
    letters: LetterGrowth
    failing: list[FailingSchedule]
    schedules: int
    overdue_seconds: float
    overdue_task_seconds: float
    summed_until: datetime | None
    lost: list[LostNode]
    live_nodes: int
    fleet: FleetFact
    dispatcher: Loop
    autoscaler: Loop
