"""The state of the fleet and of its control loop, for people and for Prometheus."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.core.clock import now
from scaling.models import Pool, ScalingEvent
from scaling.queries.events import get_newest_event
from scaling.queries.launches import LaunchPause, Startup, get_pause, measure_startup
from scaling.queries.pool import (
    AUTOSCALER,
    ManualOverride,
    find_problem,
    get_backend,
    get_manual_override,
    get_values,
    read_pool,
)
from tasks_app.queries.engine_health import LeaderView, view_leader


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """The most important information for an operator. `values`: the configuration by name;
    `problem`: why the number of workers cannot be changed, empty when it can; `startup`: None
    before the first worker was ready; `pause`: why no worker is launched now, None when one may
    be."""

    pool: Pool
    backend: str
    values: dict[str, Any]
    leader: LeaderView
    manual: ManualOverride | None
    problem: str
    newest: ScalingEvent | None
    startup: Startup | None
    pause: LaunchPause | None

    @property
    def enabled(self) -> bool:
        """Whether a strategy decides."""
        return bool(self.values["enabled"])

    @property
    def seen_at(self) -> datetime | None:
        """When the loop last ran; None if never."""
        return self.leader.seen_at


def read_status() -> FleetStatus:
    """As it is now."""
    pool = read_pool()
    backend = get_backend(pool)
    pause = get_pause(backend)
    return FleetStatus(
        pool=pool,
        backend=backend,
        values=get_values(pool),
        leader=view_leader(AUTOSCALER),
        manual=get_manual_override(pool),
        problem=find_problem(pool),
        newest=get_newest_event(),
        startup=measure_startup(backend),
        pause=pause if pause is not None and pause.until > now() else None,
    )
