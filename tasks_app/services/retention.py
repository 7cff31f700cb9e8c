"""Removing history that is older than its retention, in bounded batches."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from controlplane.core.clock import now
from controlplane.core.ids import first_id_of
from controlplane.core.runtime.sweeps import discover
from controlplane.core.sql import load_sql
from controlplane.workspaces.services import prune_audit
from workers.services import prune_nodes, prune_samples

_LATE = timedelta(days=7)  # in which the last work of a node may be settled


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows one batch removed."""

    tasks: int = 0
    attempts: int = 0
    logs: int = 0
    idempotency_keys: int = 0

    @property
    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))


# Removes at most this number of rows of an app above this one; returns how many it removed.
Pruner = Callable[[int], int]
_pruners: dict[str, Pruner] = {}


def register_pruner(name: str, prune: Pruner) -> None:
    """Let the clean-up and the dispatcher prune more than tasks: called from an app's `upkeep`."""
    _pruners[name] = prune


def prune_everything(*, limit: int = 1_000) -> dict[str, int]:
    """Remove one batch of each kind, at most `limit` rows of each. Returns how many rows of each
    were removed.

    The kinds: the engine's own history, the audit log, ended nodes, and what apps registered.
    """
    history = prune_history(limit=limit)
    audit_kept = timedelta(days=settings.TASKPLANE["AUDIT_RETENTION_DAYS"])
    attempts_kept = timedelta(days=settings.TASKPLANE["ATTEMPT_RETENTION_DAYS"])
    return {
        "tasks": history.tasks,
        "attempts": history.attempts,
        "logs": history.logs,
        "idempotencyKeys": history.idempotency_keys,
        "auditEvents": prune_audit(before=now() - audit_kept, limit=limit),
        "nodeSamples": prune_samples(limit=limit),
        # An attempt names its node, and is removed before it.
        "nodes": prune_nodes(before=now() - attempts_kept - _LATE, limit=limit),
        **prune_registered(limit=limit),
    }


def prune_registered(*, limit: int = 1_000) -> dict[str, int]:
    """Remove one batch of each registered kind. Returns how many rows of each were removed."""
    discover()
    return {name: prune(limit) for name, prune in _pruners.items()}


def prune_history(*, limit: int = 1_000) -> Pruned:
    """Remove one batch, at most `limit` rows of each kind: ended tasks with all their history,
    attempts, log lines, spent idempotency keys. Unfinished tasks are never touched."""
    config = settings.TASKPLANE
    at = now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "prune_tasks"),
            _window(at - timedelta(days=config["RETENTION_DAYS"]), limit),
        )
        tasks, attempts, logs = cursor.fetchone()
        cursor.execute(
            "DELETE FROM tasks_app_taskattempt WHERE (task_id, attempt) IN ("
            " SELECT task_id, attempt FROM tasks_app_taskattempt"
            " WHERE finished_at < %(before)s LIMIT %(limit)s FOR UPDATE SKIP LOCKED)",
            _window(at - timedelta(days=config["ATTEMPT_RETENTION_DAYS"]), limit),
        )
        attempts += cursor.rowcount
        cursor.execute(
            # Lines are numbered in the order of their writing, so the oldest are the lowest.
            "DELETE FROM tasks_app_tasklog WHERE id IN ("
            " SELECT id FROM (SELECT id, at FROM tasks_app_tasklog ORDER BY id"
            "  LIMIT %(limit)s FOR UPDATE SKIP LOCKED) oldest WHERE at < %(before)s)",
            _window(at - timedelta(days=config["LOG_RETENTION_DAYS"]), limit),
        )
        logs += cursor.rowcount
        cursor.execute(
            "DELETE FROM tasks_app_idempotencykey WHERE id IN ("
            " SELECT id FROM tasks_app_idempotencykey WHERE expires_at < %(before)s"
            " LIMIT %(limit)s FOR UPDATE SKIP LOCKED)",
            _window(at, limit),
        )
        return Pruned(tasks=tasks, attempts=attempts, logs=logs, idempotency_keys=cursor.rowcount)


def _window(before: datetime, limit: int) -> dict[str, datetime | UUID | int]:
    return {"before": before, "below": first_id_of(before), "limit": limit}
