"""The processors `health-check` and `cleanup`, which maintain the installation."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connections
from pydantic import Field

from controlplane.workspaces.states import DEFAULT_WORKSPACE_ID
from tasks_app.processors.builtin.payloads import Payload
from tasks_app.processors.context import Context
from tasks_app.processors.registry import processor
from tasks_app.signals import alert_raised

if TYPE_CHECKING:
    from tasks_app.queries.engine_health import EngineHealth

_REDIS_PATIENCE_SECONDS = 2.0
_BATCH_ROWS = 1_000


class HealthCheckPayload(Payload):
    """Limits of the findings."""

    max_wait_seconds: float | None = Field(
        default=3_600,
        gt=0,
        description="Ready work that has waited longer is a finding; null disables this check. "
        "Paused and limited queues wait intentionally, and are not checked.",
    )


class CleanupPayload(Payload):
    """How much to remove at most."""

    limit: int = Field(
        default=1_000_000,
        ge=1,
        le=100_000_000,
        description="Stop after about this many rows; the next run continues.",
    )


@processor("health-check", payload=HealthCheckPayload, max_attempts=1, timeout_seconds=30)
def health_check(ctx: Context, payload: HealthCheckPayload) -> dict[str, Any]:
    """Check the database, Redis, the dispatcher, the workers and waiting work, and return the
    findings: `ok`, `degraded`, or `down` without the database.

    A problem is a finding with a sentence, not a failure of the task. Each finding is sent to the
    receivers of `tasks_app.signals.alert_raised`.
    """
    report = examine(
        _timed(_ask_database),
        _timed(_ask_redis),
        workspace_id=ctx.workspace_id,
        max_wait_seconds=payload.max_wait_seconds,
    )
    for finding in report["findings"]:
        ctx.log(finding["message"], level="warning")
        alert_raised.send_robust(
            sender=health_check,
            kind=finding["kind"],
            severity=finding["severity"],
            message=finding["message"],
            detail={**finding["detail"], "taskId": str(ctx.task_id)},
        )
    return report


@processor("cleanup", payload=CleanupPayload, max_attempts=3, timeout_seconds=900)
def cleanup(ctx: Context, payload: CleanupPayload) -> dict[str, Any]:
    """Remove history that is older than its retention, in batches of short transactions, and return
    how many rows of each kind were removed. The progress is the share of `limit`.
    """
    # Here, since the services import the registry that this module registers itself in.
    from tasks_app.services import prune_everything

    removed: dict[str, int] = {}
    while (left := payload.limit - sum(removed.values())) > 0:
        batch = prune_everything(limit=min(_BATCH_ROWS, left))
        for name, count in batch.items():
            removed[name] = removed.get(name, 0) + count
        done = sum(removed.values())
        ctx.progress(min(100.0, 100 * done / payload.limit), f"Removed {done} rows")
        if not any(batch.values()):
            break
    ctx.log(f"Removed {sum(removed.values())} rows", removed=removed)
    return {"removed": removed}


def _timed(ask: Callable[[], None]) -> dict[str, Any]:
    import redis  # a tenth of the start of every command

    started = time.perf_counter()
    try:
        ask()
    except (redis.RedisError, DatabaseError) as error:
        return {"status": "down", "latencyMs": None, "error": type(error).__name__}
    return {"status": "ok", "latencyMs": round((time.perf_counter() - started) * 1_000, 3)}


def _ask_database() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_redis() -> None:
    # A separate connection: the measurement includes connecting, as for a new client.
    import redis

    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_REDIS_PATIENCE_SECONDS,
        socket_connect_timeout=_REDIS_PATIENCE_SECONDS,
    )
    try:
        client.ping()
    finally:
        client.close()


_OK, _DEGRADED, _DOWN = "ok", "degraded", "down"
_WARNING, _CRITICAL = "warning", "critical"
_NAMED = 20


class Finding(TypedDict):
    """One problem."""

    kind: str
    severity: str
    message: str
    detail: dict[str, Any]


def examine(
    database: dict[str, Any],
    broker: dict[str, Any],
    *,
    workspace_id: UUID,
    max_wait_seconds: float | None,
) -> dict[str, Any]:
    """The report of a health check. Without a database there are no further checks. A check in the
    workspace `default`, where the shipped one runs, covers the queues of all workspaces; in any
    other workspace it covers only its own queues, so that it reveals no names of others.
    """
    parts = {"database": database, "redis": broker}
    findings = find_unreachable(database, broker)
    if database["status"] == _OK:
        # Here, since every command imports this module, and most read nothing of the engine.
        from tasks_app.queries.engine_health import read_engine_health

        is_everybodys = workspace_id == DEFAULT_WORKSPACE_ID
        seen = read_engine_health(None if is_everybodys else workspace_id)
        parts |= _tell(seen)
        findings += find_stuck(seen, max_wait_seconds)
    return {"status": judge(findings), "findings": findings, **parts}


def judge(findings: list[Finding]) -> str:
    """`down` without the database; `degraded` with any other finding."""
    if any(finding["kind"] == "database-away" for finding in findings):
        return _DOWN
    return _DEGRADED if findings else _OK


def find_unreachable(database: dict[str, Any], broker: dict[str, Any]) -> list[Finding]:
    """Servers that do not respond."""
    found: list[Finding] = []
    if database["status"] != _OK:
        message = f"The database does not answer: {database['error']}."
        found.append(_finding("database-away", _CRITICAL, message))
    if broker["status"] != _OK:
        message = (
            f"Redis does not answer: {broker['error']}. Work is accepted, and starts later than "
            "it could."
        )
        found.append(_finding("redis-away", _WARNING, message))
    return found


def find_stuck(seen: "EngineHealth", max_wait_seconds: float | None) -> list[Finding]:
    """Reasons why work does not start."""
    found: list[Finding] = []
    if not seen.has_dispatcher:
        message = (
            "No dispatcher leads: nothing that waits for its time starts, no schedule fires. "
            "Start one with `python manage.py dispatch`."
        )
        found.append(_finding("dispatcher-away", _CRITICAL, message))
    if seen.unserved_queues:
        named = ", ".join(seen.unserved_queues[:_NAMED])
        message = f"Work is ready, and no live worker takes it, in these queues: {named}."
        found.append(
            _finding("queue-unserved", _CRITICAL, message, queues=seen.unserved_queues[:_NAMED])
        )
    waited = seen.longest_wait_ms
    if waited is not None and max_wait_seconds is not None and waited > max_wait_seconds * 1_000:
        queue = seen.ready_queues[0][0]
        message = f"A ready task of queue {queue} has waited {waited / 1_000:.0f} s for a slot."
        found.append(_finding("long-wait", _WARNING, message, queue=queue, waitedMs=waited))
    return found


def _tell(seen: "EngineHealth") -> dict[str, Any]:
    ago = seen.dispatcher_seen_ago
    return {
        "dispatcher": {
            "status": _OK if seen.has_dispatcher else _DOWN,
            "lastPassAgoMs": None if ago is None else round(ago.total_seconds() * 1_000),
        },
        "workers": {"liveNodes": seen.live_nodes},
        "queues": {
            "ready": len(seen.ready_queues),
            "unserved": seen.unserved_queues[:_NAMED],
            "longestWaitMs": seen.longest_wait_ms,
        },
    }


def _finding(kind: str, severity: str, message: str, **detail: Any) -> Finding:
    return {"kind": kind, "severity": severity, "message": message, "detail": detail}
