"""The HTTP API of schedules: jobs, executions, preview."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample

from controlplane.core.clock import now
from controlplane.core.http.verbs import Listed, Views, verb
from controlplane.ops.schedules import editing, queries, triggering
from controlplane.ops.schedules.schema import (
    DEFAULT_PREVIEWED,
    Execution,
    ExecutionFilter,
    Job,
    JobChange,
    JobFilter,
    JobIn,
    Preview,
    PreviewFilter,
)
from controlplane.ops.schedules.undo import change_schedule
from controlplane.workspaces.idempotent_calls import idempotent
from controlplane.workspaces.permissions import WorkspaceRequest
from controlplane.workspaces.undo import offer_undo

_EXAMPLES = [
    OpenApiExample("Every night in Berlin", value=JobIn.example, request_only=True),
    OpenApiExample(
        "Every quarter of an hour, all of them",
        value={
            "name": "Fetch orders",
            "schedule": "@every 15m",
            "taskType": "http-request",
            "payload": {"url": "https://shop.example/orders"},
            "overlap": "queue",
            "catchUp": True,
            "catchUpMax": 4,
        },
        request_only=True,
    ),
]
_EXECUTION_SORTS = {"scheduledFor": "scheduled_for", "createdAt": "id"}


def _check_new(request: WorkspaceRequest, body: JobIn) -> None:
    editing.check_new_schedule(request.workspace.id, body.values)


def _find_created(request: WorkspaceRequest, job_id: UUID) -> Any:
    schedule = queries.get_schedule(request.workspace.id, job_id)
    editing.require_start(request.actor, schedule.workflow_id)
    return queries.describe_jobs([schedule])[0]


def _find_triggered(request: WorkspaceRequest, firing_id: UUID, id: UUID) -> Any:  # noqa: A002 - the name in the API
    return triggering.get_triggered(
        workspace_id=request.workspace.id,
        schedule_id=id,
        firing_id=firing_id,
        actor=request.actor,
    )


class Jobs(Views):
    """Jobs of the workspace."""

    tag = "cron"

    @verb(
        "GET",
        "cron/jobs",
        name="cron_jobs_list",
        summary="List jobs",
        query=JobFilter,
        returns=Listed(Job, {"createdAt": "id", "name": "name"}),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest, query: JobFilter) -> Any:
        """Jobs with their next time and their last execution, newest first."""
        schedules = queries.list_schedules(request.workspace.id, **asdict(query))
        return self.page(schedules, queries.describe_jobs)

    @verb(
        "POST",
        "cron/jobs",
        name="cron_jobs_create",
        summary="Create a job",
        body=JobIn,
        check=_check_new,
        examples=_EXAMPLES,
        returns={201: Job, 200: Job},
        errors=(409, 413, 422),
    )
    @idempotent(_find_created)
    def create(self, request: WorkspaceRequest, body: JobIn) -> UUID:
        """Create a job; 409 when its name is taken. Its first time is the next one from now on."""
        return editing.create_schedule(
            workspace_id=request.workspace.id, values=body.values, actor=request.actor
        ).id

    @verb(
        "GET",
        "cron/jobs/<uuid:id>",
        name="cron_jobs_retrieve",
        summary="Show a job",
        returns=Job,
        errors=(404,),
    )
    def retrieve(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The job with its next time and its last execution."""
        return queries.describe_jobs([queries.get_schedule(request.workspace.id, id)])[0]

    @verb(
        "PATCH",
        "cron/jobs/<uuid:id>",
        name="cron_jobs_change",
        summary="Change a job",
        body=JobChange,
        returns=Job,
        errors=(404, 409, 413, 422),
    )
    def change(self, request: WorkspaceRequest, body: JobChange, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Change a job, pause it (`enabled: false`) or resume it. A job that is declared in code
        can be paused and resumed only: 409 for the rest."""
        schedule = queries.get_schedule(request.workspace.id, id)
        undone = change_schedule(schedule, request.actor, body.values)
        is_changed = undone["before"] != undone["after"]
        # A payload may hold secrets, and a token can be read.
        if is_changed and "payload" not in undone["before"]:
            offer_undo(request, "schedules", {"schedules": [undone]})
        return queries.describe_jobs([queries.get_schedule(request.workspace.id, id)])[0]

    @verb(
        "DELETE",
        "cron/jobs/<uuid:id>",
        name="cron_jobs_delete",
        summary="Delete a job",
        returns=None,
        errors=(404, 409),
    )
    def remove(self, request: WorkspaceRequest, id: UUID) -> None:  # noqa: A002 - the name in the API
        """Delete a job with its executions; tasks and runs that it started are kept. 409 for a job
        that is declared in code."""
        editing.delete_schedule(
            workspace_id=request.workspace.id, schedule_id=id, actor=request.actor
        )

    @verb(
        "GET",
        "cron/jobs/<uuid:id>/executions",
        name="cron_executions_list",
        summary="List the executions of a job",
        query=ExecutionFilter,
        returns=Listed(Execution, _EXECUTION_SORTS, "-scheduledFor"),
        errors=(404, 422),
    )
    def executions(self, request: WorkspaceRequest, query: ExecutionFilter, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The decision about each nominal time, and its result; newest first."""
        return queries.list_firings(
            request.workspace.id, id, states=query.states, kinds=query.kinds
        )

    @verb(
        "POST",
        "cron/jobs/<uuid:id>/trigger",
        name="cron_jobs_trigger",
        summary="Run a job now",
        returns={202: Execution, 200: Execution},
        errors=(404, 409, 422),
    )
    @idempotent(_find_triggered)
    def trigger(self, request: WorkspaceRequest, id: UUID) -> UUID:  # noqa: A002 - the name in the API
        """Run the job now, even if it is paused, and ignore its overlap rule."""
        return triggering.trigger_schedule(
            workspace_id=request.workspace.id, schedule_id=id, actor=request.actor
        ).id

    @verb(
        "GET",
        "cron/preview",
        name="cron_preview",
        summary="Preview a schedule",
        query=PreviewFilter,
        returns=Preview,
        errors=(422,),
    )
    def preview(self, _request: WorkspaceRequest, query: PreviewFilter) -> Any:
        """The next times of a schedule, computed by the code that fires it, and its description."""
        at = now()
        timing = queries.parse_checked(query.schedule, query.timezone, at=at)
        count = query.count or DEFAULT_PREVIEWED
        return {
            **queries.describe_timing(timing),
            "times": queries.next_times(timing, after=at, count=count),
        }
