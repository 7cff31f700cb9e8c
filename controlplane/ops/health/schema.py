"""The schemas of the health endpoints. Unknown members are absent."""

from datetime import datetime
from typing import Literal

from controlplane.core.schema import Resource, shown

Status = Literal["ok", "degraded", "down"]


class Component(Resource):
    """One thing that this process needs."""

    status: Literal["ok", "down"]
    latency_ms: float = shown(default=None)
    detail: str = shown(default=None)


class Checks(Resource):
    """Everything that this process needs."""

    database: Component
    redis: Component
    migrations: Component = shown(
        "Whether the database has the schema of this release; absent while it is unreachable.",
        default=None,
    )
    disk: Component = shown("The disk of the embedded database.", default=None)


class Health(Resource):
    """`down` without the database or its schema; `degraded` without Redis, or when the database's
    disk is full or nearly so."""

    status: Status
    version: str
    time: datetime
    checks: Checks


class Liveness(Resource):
    """This process answers."""

    status: Literal["ok"]


class EngineComponent(Component):
    """One part of the engine."""

    last_seen: datetime = shown(default=None)
    live_nodes: int = shown(default=None)
    lost_nodes_last_hour: int = shown(
        "Nodes that were killed or stopped sending heartbeats; `detail` has the newest.",
        default=None,
    )


class BeatComponent(Component):
    """Schedules: whether they fire in time."""

    status: Status  # type: ignore[assignment] # it may also be degraded
    lag_ms: int = shown("How long the oldest due time has waited for a decision.", default=None)


class AutoscalerComponent(Component):
    """The autoscaler; `off` and `not started` are not faults."""

    status: Status  # type: ignore[assignment] # it may also be degraded
    last_seen: datetime = shown(default=None)


class DetailedChecks(Checks):
    """Everything that work needs."""

    dispatcher: EngineComponent
    workers: EngineComponent
    beat: BeatComponent
    autoscaler: AutoscalerComponent


class DetailedHealth(Health):
    """`degraded` also without a dispatcher or a live worker, with late schedules, and when the
    autoscaler has stopped or cannot start and stop workers."""

    checks: DetailedChecks
