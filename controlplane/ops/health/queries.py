"""What the health addresses report, and what the metrics say of task types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import psycopg
import redis
from django.conf import settings
from django.db import connection, connections
from psycopg_pool import PoolTimeout

from controlplane import __version__
from controlplane.core.clock import now, utc_z
from controlplane.core.formatting import format_count
from controlplane.core.process_state import register_reset
from controlplane.core.runtime.histograms import merge
from controlplane.core.schemaversion import list_missing
from controlplane.core.sql import load_sql
from controlplane.embedded import home, storage
from controlplane.ops.health.probes import LIMIT_SECONDS, Finding, Probe
from tasks_app.processors.registry import internal_types
from tasks_app.queries import in_bounded_time

OK, DEGRADED, DOWN = "ok", "degraded", "down"
# The names in the metrics, with the columns of the roll-ups.
TASKS = {"submitted": "submitted", "completed": "completed", "failed": "failed_tasks"}
ATTEMPTS = {
    "started": "started",
    "succeeded": "completed",
    "failed": "failed",
    "retried": "retried",
    "lost": "lost",
    "cancelled": "cancelled",
}
OTHER = "other"
_SUMMED = (  # the counts of sum_types.sql
    "submitted", "completed", "failed_tasks", "started", "failed", "retried", "lost", "cancelled",
)  # fmt: skip


def _check_database() -> None:
    # The way requests go: where the pool has no connection for them, this process is not ready.
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connections.close_all()  # those of the probe's own thread


class _NotMigratedError(Exception):
    """The schema is older than this release."""


def _check_migrations() -> None:
    try:
        missing = len(list_missing())
    finally:
        connections.close_all()  # those of the probe's own thread
    if missing:
        raise _NotMigratedError(
            f"The database lacks {format_count(missing, 'migration')} of this release: run "
            "`manage.py migrate`."
        )


def _check_redis() -> None:
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=LIMIT_SECONDS,
        socket_connect_timeout=LIMIT_SECONDS,
        retry=None,
    )
    with client:
        client.ping()


def _explain(error: Exception) -> str:
    if isinstance(error, _NotMigratedError):
        return str(error)
    if isinstance(error, redis.ResponseError) and str(error).startswith("MISCONF"):
        return "It refuses writes because it cannot save to its disk (MISCONF)."
    if isinstance(error, psycopg.errors.DiskFull):
        return "Its disk is full."
    # The text of the error may hold addresses and names: the class is enough for a stranger.
    cause = error.__cause__ or error
    if isinstance(cause, PoolTimeout):
        return "No connection is free, and none can be opened."
    if isinstance(cause, psycopg.OperationalError | redis.ConnectionError):
        return "It cannot be reached."
    return f"It answers with an error ({type(error).__name__})."


_database = Probe(_check_database, explain=_explain)
_migrations = Probe(_check_migrations, explain=_explain)
_redis = Probe(_check_redis, explain=_explain)
register_reset(_database.forget)
register_reset(_migrations.forget)
register_reset(_redis.forget)


def read_health() -> dict[str, Any]:
    """The state of the dependencies of this process, within about two seconds. `down` without the
    database, which stores everything, or its schema; `degraded` when the disk is full, and without
    Redis: work is accepted, and starts when Redis is back.
    """
    runs = [probe.begin() for probe in (_database, _redis, _migrations)]
    database, cache, migrations = (run.wait(LIMIT_SECONDS) for run in runs)
    checks = {"database": _component(database), "redis": _component(cache)}
    if database.is_up:
        checks["migrations"] = _component(migrations)
    is_serving, is_whole = database.is_up and migrations.is_up, cache.is_up
    if settings.EMBEDDED_POSTGRES:
        checks["disk"] = disk = _look_at_disk(home.home())
        # Not down: it still reads, and writes as long as the segment of its log lasts.
        is_whole = is_whole and "detail" not in disk
    return {
        "status": DOWN if not is_serving else OK if is_whole else DEGRADED,
        "version": __version__,
        "time": utc_z(now()),
        "checks": checks,
    }


def _look_at_disk(folder: Path) -> dict[str, Any]:
    """The disk of the embedded database, which still serves reads when it is full. The path is left
    out, since the endpoint is public."""
    if not storage.find_problem(folder):
        return {"status": OK}
    left = f"{storage.free_bytes(folder) / 1e6:.1f} MB are free"
    if storage.find_problem(folder, minimum=storage.FULL_BYTES):
        detail = f"The database's disk is full, read-only or out of inodes: {left}."
        return {"status": DOWN, "detail": detail}
    return {"status": OK, "detail": f"The database's disk is nearly full: {left}."}


def _component(finding: Finding) -> dict[str, Any]:
    found: dict[str, Any] = {"status": OK if finding.is_up else DOWN}
    if finding.latency_ms is not None:
        found["latencyMs"] = finding.latency_ms
    if finding.detail:
        found["detail"] = finding.detail
    return found


@dataclass(slots=True)
class TypeMeter:
    """What tasks of a type did since midnight UTC; times in milliseconds."""

    tasks: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TASKS, 0))
    attempts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ATTEMPTS, 0))
    run_ms: float = 0.0
    wait_ms: float = 0.0
    runs: dict[int, int] = field(default_factory=dict)
    waits: dict[int, int] = field(default_factory=dict)


def read_meters(workspace_id: UUID, *, limit: int) -> Mapping[str, TypeMeter]:
    """By type, internal ones left out, from the roll-ups of hours. The first `limit` names in order
    of the alphabet have their own; the rest are together under OTHER, so that a name never moves
    while types stay."""
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    meters: dict[str, TypeMeter] = {}
    with in_bounded_time(narrow_by="fewer types"), connection.cursor() as cursor:
        cursor.execute(
            load_sql("controlplane.ops.health", "sum_types"),
            {"workspace": workspace_id, "since": midnight, "hidden": list(internal_types())},
        )
        for name, *values in cursor.fetchall():
            meter = meters.setdefault(name if len(meters) < limit else OTHER, TypeMeter())
            _add(meter, values)
    return meters


def _add(meter: TypeMeter, values: Sequence[Any]) -> None:
    """Add a row of sum_types.sql."""
    *counts, run_ms, wait_ms, runs, waits = values
    sums = dict(zip(_SUMMED, counts, strict=True))
    for event, column in TASKS.items():
        meter.tasks[event] += sums[column]
    for event, column in ATTEMPTS.items():
        meter.attempts[event] += sums[column]
    meter.run_ms += run_ms
    meter.wait_ms += wait_ms
    meter.runs = merge([meter.runs, _sum(runs)])
    meter.waits = merge([meter.waits, _sum(waits)])


def _sum(histograms: str) -> dict[int, int]:
    """The sum of a JSON array of histograms."""
    summed: dict[Any, int] = merge(orjson.loads(histograms))
    return {int(bucket): count for bucket, count in summed.items()}
