"""The processors `health-check` and `cleanup`: the installation's care of itself."""

import time
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import connections
from pydantic import Field

from tasks_app.processors.builtin.payloads import Payload
from tasks_app.processors.context import Context
from tasks_app.processors.registry import processor

_REDIS_PATIENCE_SECONDS = 2.0
_BATCH_ROWS = 1_000


class HealthCheckPayload(Payload):
    """Nothing."""


class CleanupPayload(Payload):
    """How much to remove at most."""

    limit: int = Field(
        default=1_000_000,
        ge=1,
        le=100_000_000,
        description="Stop after about this many rows; the rest waits for the next time.",
    )


@processor("health-check", payload=HealthCheckPayload, max_attempts=1, timeout_seconds=30)
def health_check(ctx: Context, payload: HealthCheckPayload) -> dict[str, Any]:
    """Measure how fast the database and Redis answer, and keep that as the result.

    A Redis that is away is a finding (`degraded`), not a failure: work goes on without it.
    """
    database = _timed(_ask_database)
    broker = _timed(_ask_redis)
    if broker["status"] != "ok":
        ctx.log(f"Redis does not answer: {broker['error']}", level="warning")
    parts = {"database": database, "redis": broker}
    is_well = all(part["status"] == "ok" for part in parts.values())
    return {"status": "ok" if is_well else "degraded", **parts}


@processor("cleanup", payload=CleanupPayload, max_attempts=3, timeout_seconds=900)
def cleanup(ctx: Context, payload: CleanupPayload) -> dict[str, Any]:
    """Remove history that is older than its retention, in batches of short transactions."""
    # Here, since the services import the registry that this module registers itself in.
    from tasks_app.services import prune_history, prune_registered

    removed = {"tasks": 0, "attempts": 0, "logs": 0, "idempotencyKeys": 0}
    while (left := payload.limit - sum(removed.values())) > 0:
        limit = min(_BATCH_ROWS, left)
        batch = prune_history(limit=limit)
        others = prune_registered(limit=limit)
        removed["tasks"] += batch.tasks
        removed["attempts"] += batch.attempts
        removed["logs"] += batch.logs
        removed["idempotencyKeys"] += batch.idempotency_keys
        for name, count in others.items():
            removed[name] = removed.get(name, 0) + count
        done = batch.total + sum(others.values())
        ctx.log(f"Removed {done} rows", total=sum(removed.values()))
        if done == 0:
            break
    return {"removed": removed}


def _timed(ask: Callable[[], None]) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        ask()
    except redis.RedisError as error:
        return {"status": "down", "latencyMs": None, "error": type(error).__name__}
    return {"status": "ok", "latencyMs": round((time.perf_counter() - started) * 1_000, 3)}


def _ask_database() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_redis() -> None:
    # A connection of its own: what is measured includes getting one, as a new client would.
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_REDIS_PATIENCE_SECONDS,
        socket_connect_timeout=_REDIS_PATIENCE_SECONDS,
    )
    try:
        client.ping()
    finally:
        client.close()
