"""Reads of workflows, their versions, and the size of their runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from controlplane.core.errors import NotFound
from controlplane.core.ids import parse_uuid
from controlplane.core.names import canonical_name
from controlplane.core.sql import load_sql
from workflows.models import Workflow, WorkflowVersion


def list_workflows(workspace_id: UUID, search: str = "") -> QuerySet[Workflow]:
    """The workflows of a workspace, newest first; `search` is a part of the name."""
    workflows = Workflow.objects.filter(workspace_id=workspace_id, deleted_at__isnull=True)
    if search:
        workflows = workflows.filter(name__icontains=canonical_name(search))
    return workflows.order_by("-id")


def get_workflow(workspace_id: UUID, id_or_name: UUID | str) -> Workflow:
    """One workflow, by its id or, when that is no id, by its name. Raises NotFound."""
    workflows = Workflow.objects.filter(workspace_id=workspace_id, deleted_at__isnull=True)
    known = _as_id(id_or_name)
    found = workflows.filter(id=known).first() if known else None
    if found is None and isinstance(id_or_name, str) and "\x00" not in id_or_name:
        found = workflows.filter(name__in=[id_or_name, canonical_name(id_or_name)]).first()
    if found is None:
        raise NotFound(f"There is no workflow {id_or_name}.")
    return found


def get_version(workflow: Workflow, version: int | None = None) -> WorkflowVersion:
    """One version of a workflow; without a number the newest. Raises NotFound."""
    number = workflow.version if version is None else version
    # Above what an integer column holds there is none to be asked for.
    found = workflow.versions.filter(version=number).first() if 0 < number < 2**31 else None
    if found is None:
        raise NotFound(f"The workflow {workflow.name!r} has no version {number}.")
    return found


def _as_id(text: UUID | str) -> UUID | None:
    if isinstance(text, UUID):
        return text
    try:
        return parse_uuid(text)
    except ValueError:
        return None


MAX_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class RunsOverview:
    """The number of runs, counted up to one above MAX_COUNTED, and the newest run."""

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
            {"ids": list(workflow_ids), "limit": MAX_COUNTED + 1},
        )
        return {row[0]: RunsOverview(*row[1:]) for row in cursor.fetchall()}


def list_versions(workflow: Workflow) -> QuerySet[WorkflowVersion]:
    """The versions of a workflow, newest first, without their definitions."""
    return workflow.versions.defer("definition").order_by("-version")


NEWEST_RUNS = 5


@dataclass(frozen=True, slots=True)
class Fanout:
    """The number of steps of a workflow's newest version, and its newest runs that have ended."""

    steps: int
    runs: list[UUID]


def get_fanouts(workflow_ids: Sequence[UUID]) -> dict[UUID, Fanout]:
    """By workflow, of any workspace; removed ones are left out."""
    if not workflow_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("workflows", "list_newest_ended"),
            {"ids": list(workflow_ids), "limit": NEWEST_RUNS},
        )
        return {workflow: Fanout(steps, runs) for workflow, steps, runs in cursor.fetchall()}
