"""What a list of workflows tells of their runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from controlplane.core.sql import load_sql
from workflows.models import Workflow, WorkflowVersion

MAX_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class RunsOverview:
    """How many runs, counted up to one above MAX_COUNTED, and the newest."""

    total: int = 0
    newest_id: UUID | None = None
    newest_state: str | None = None
    newest_at: datetime | None = None


def get_runs_overviews(workflow_ids: Sequence[UUID]) -> dict[UUID, RunsOverview]:
    """By workflow, in one query; the caller knows that they are the workspace's."""
    if not workflow_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("workflows", "summarize_runs"),
            {"ids": list(workflow_ids), "most": MAX_COUNTED + 1},
        )
        return {row[0]: RunsOverview(*row[1:]) for row in cursor.fetchall()}


def list_versions(workflow: Workflow) -> QuerySet[WorkflowVersion]:
    """The versions of a workflow, newest first, without their definitions."""
    return workflow.versions.defer("definition").order_by("-version")
