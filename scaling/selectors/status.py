"""How the fleet and the loop that sizes it stand, for people and for Prometheus."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scaling.models import Pool, ScalingEvent
from scaling.selectors.events import get_newest_event
from scaling.selectors.launches import get_startup
from scaling.selectors.pool import (
    ManualOrder,
    find_problem,
    get_backend,
    get_manual_order,
    get_values,
    read_pool,
)
from tasks_app.selectors.leaders import AUTOSCALER, LeaderView, view_leader


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """All that an operator asks first. `values`: the configuration by name; `problem`: why the
    number of workers cannot be moved, empty when it can; `startup`: seconds, 95th percentile, None
    as long as too few were measured."""

    pool: Pool
    backend: str
    values: dict[str, Any]
    leader: LeaderView
    manual: ManualOrder | None
    problem: str
    newest: ScalingEvent | None
    startup: float | None

    @property
    def enabled(self) -> bool:
        """Whether a strategy decides."""
        return bool(self.values["enabled"])

    @property
    def seen_at(self) -> datetime | None:
        """When the loop was last heard of; None when it has never run."""
        return self.leader.seen_at


def get_measured_startup(backend: str) -> float | None:
    """Seconds from the wish for a worker until it is ready; None as long as too few were
    measured, when the loop reckons with what is usual of the back-end."""
    return get_startup(backend, usual=0.0) or None


def read_status() -> FleetStatus:
    """As it is now."""
    pool = read_pool()
    backend = get_backend(pool)
    return FleetStatus(
        pool=pool,
        backend=backend,
        values=get_values(pool),
        leader=view_leader(AUTOSCALER),
        manual=get_manual_order(pool),
        problem=find_problem(pool),
        newest=get_newest_event(),
        startup=get_measured_startup(backend),
    )
