"""Removing runs that are older than the retention, and deleted workflows that have none left."""

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction

from controlplane.core.clock import now
from controlplane.core.sql import load_sql

_STEPS_PER_BATCH = 20_000


def prune_runs(limit: int) -> int:
    """Remove one batch, at most `limit` runs, and as many workflows; how many of both. A run that
    has not ended is never touched."""
    before = now() - timedelta(days=settings.TASKPLANE["RETENTION_DAYS"])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            load_sql("workflows", "prune_runs"),
            {"before": before, "limit": limit, "steps": _STEPS_PER_BATCH},
        )
        removed: int = cursor.rowcount
        cursor.execute(
            "SELECT w.id FROM workflows_workflow w WHERE w.deleted_at < %(before)s AND NOT EXISTS"
            " (SELECT FROM workflows_workflowrun r WHERE r.workflow_id = w.id)"
            " ORDER BY w.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED",
            {"before": before, "limit": limit},
        )
        doomed = [workflow for (workflow,) in cursor.fetchall()]
        for table, column in (("workflowversion", "workflow_id"), ("workflow", "id")):
            cursor.execute(
                f"DELETE FROM workflows_{table} WHERE {column} = ANY(%s)",  # noqa: S608 - from here
                [doomed],
            )
        return removed + len(doomed)
