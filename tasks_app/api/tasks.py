"""Tasks: submit, list, act, show, change."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.core.http.openapi import filter_parameters
from controlplane.core.http.verbs import Answer, Listed, Views, verb
from controlplane.core.http.views import LIST_PARAMETERS
from controlplane.core.requests import WITHOUT_REASON, current_reason, stating_reason
from controlplane.workspaces.bulk.calls import Call
from controlplane.workspaces.bulk.preview import find_bulk_verb
from controlplane.workspaces.bulk.schema import OperationPreview
from controlplane.workspaces.idempotency import HEADER, resolve_idempotency_key
from controlplane.workspaces.idempotent_calls import KEY_PARAMETER
from controlplane.workspaces.permissions import WorkspaceRequest
from controlplane.workspaces.undo import offer_undo
from tasks_app import queries, services
from tasks_app.api import examples
from tasks_app.api.base import TaskPagination
from tasks_app.filters import InternalFilter, TaskFilter, filter_of_query
from tasks_app.schema.actions import ActionResult, TaskAction
from tasks_app.schema.figures import TaskStats
from tasks_app.schema.submission import BulkIn, Submitted, TaskChange, TaskIn
from tasks_app.schema.tasks import Explanation, Task, TaskDetail
from tasks_app.services import actions
from tasks_app.undo import priority_change

_INDEXED_SORTS = {None, "", "createdAt", "-createdAt"}


def _shown(request: WorkspaceRequest, task_id: UUID) -> Any:
    task = queries.get_task(request.workspace.id, task_id)
    return queries.describe_tasks([task])[0]


def _check_change(request: WorkspaceRequest, body: TaskChange, id: UUID) -> None:  # noqa: A002 - the name in the API
    services.check_edit(workspace_id=request.workspace.id, task_id=id, changes=body.changes)


def _create_together(
    calls: Sequence[tuple[WorkspaceRequest, TaskIn]],
) -> list[Answer | BaseException]:
    """The handler of `create`, for calls that arrive together."""
    asked = [(each.workspace.id, task, each.actor.as_submitter) for each, task in calls]
    return [
        found if isinstance(found, BaseException) else _created(*found)
        for found in services.accept_each(asked)
    ]


def _with_key(request: WorkspaceRequest, task: TaskIn) -> TaskIn:
    """The body with the key that counts, its own or the header's. Raises Invalid."""
    key = resolve_idempotency_key(request.headers.get(HEADER), task.idempotency_key)
    if key == task.idempotency_key:
        return task
    return task.model_copy(update={"idempotency_key": key})


def _created(task: Any, is_new: bool) -> Answer:
    return Answer(task, 201 if is_new else 200)


def _call_of(request: WorkspaceRequest, body: TaskAction) -> Call:
    verb = find_bulk_verb("tasks", body.action)
    return Call(request.workspace.id, verb, body.selection, request.actor, body.options)


class Tasks(Views):
    """Tasks of the workspace."""

    tag = "tasks"

    @verb(
        "GET",
        "tasks",
        name="tasks_list",
        summary="List tasks",
        parameters=[*filter_parameters(TaskFilter), examples.PAYLOAD_PARAMETER],
        returns=Listed(Task, queries.SORT_FIELDS, pagination=TaskPagination),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest) -> Any:
        """Tasks that match every filter, newest first.

        A row has no traceback, and the beginning of an error's message. `sort=durationMs` sorts by
        the duration of the last attempt of completed and failed tasks. Tasks without a value come
        last. Tasks of internal types are left out unless `internal=true`, an id or a type selects
        them.
        """
        params = request.query_params
        wanted = filter_of_query(params, ignore=LIST_PARAMETERS)
        wanted = wanted.asked_by(request.actor.as_submitter)
        must_scan = wanted.must_scan or params.get("sort") not in _INDEXED_SORTS
        with queries.in_bounded_time() if must_scan else nullcontext():
            return self.page(
                queries.list_tasks(request.workspace.id, wanted),
                find_total=queries.TaskTotal((request.workspace.id,), wanted),
            )

    @verb(
        "POST",
        "tasks",
        name="tasks_create",
        summary="Submit a task",
        body=TaskIn,
        parameters=[KEY_PARAMETER],
        examples=examples.CREATE,
        returns={201: Task, 200: Task},
        errors=(409, 413, 422),
        together=_create_together,
    )
    def create(self, request: WorkspaceRequest, task: TaskIn) -> Answer:
        """Submit a task; 200 when the idempotency key was used for it before."""
        spec = _with_key(request, task)
        return _created(
            *services.accept_task(
                workspace_id=request.workspace.id, spec=spec, submitter=request.actor.as_submitter
            )
        )

    @verb(
        "POST",
        "tasks/bulk",
        name="tasks_create_bulk",
        summary="Submit many tasks",
        body=BulkIn,
        parameters=[KEY_PARAMETER],
        examples=examples.BULK,
        returns={201: Submitted, 200: Submitted},
        errors=(409, 413, 422),
    )
    def create_bulk(self, request: WorkspaceRequest, body: BulkIn) -> Answer:
        """Submit up to 10,000 tasks, all or none."""
        key = resolve_idempotency_key(request.headers.get(HEADER), body.idempotency_key)
        done = services.accept_tasks(
            workspace_id=request.workspace.id,
            specs=body.tasks,
            key=key,
            submitter=request.actor.as_submitter,
        )
        return Answer(done, 201 if done.is_new else 200)

    @verb(
        "POST",
        "tasks/actions",
        name="tasks_act",
        summary="Cancel, retry, reprioritize or delete many tasks",
        body=TaskAction,
        examples=examples.ACTIONS,
        returns=ActionResult,
        errors=(409, 413, 422),
    )
    def act(self, request: WorkspaceRequest, body: TaskAction) -> Any:
        """Cancel, retry, reprioritize or delete many tasks, in batches that are committed
        separately. At most 50,000 per call. A filter's retry leaves COMPLETED tasks alone unless
        its `status` or `id` names them; delete takes ended tasks only. With the `token` of a
        preview, exactly what was previewed is changed: 413 if that is more than a call takes.
        """
        plan = _call_of(request, body).confirm(body, most=actions.MAX_PER_CALL)
        replaced: dict[UUID, int] = {}
        with stating_reason(body.reason or current_reason()):
            result = services.act_on_tasks(
                workspace_id=request.workspace.id,
                actor=request.actor,
                action=body.action,
                wanted=body.wanted.asked_by(request.actor.as_submitter),
                priority=body.priority,
                dry_run=body.dry_run,
                until=None if plan is None else UUID(plan.members.last),
                replaced=replaced,
            )
        if body.priority is not None and 0 < len(replaced) <= WITHOUT_REASON:
            undone = priority_change(request.workspace.id, replaced, replaced, body.priority)
            offer_undo(request, "priorities", {"changes": [undone]})
        return result

    @verb(
        "POST",
        "tasks/actions/preview",
        name="tasks_act_preview",
        summary="Preview an action on many tasks",
        body=TaskAction,
        examples=examples.ACTIONS,
        returns=OperationPreview,
        errors=(413, 422),
    )
    def preview_act(self, request: WorkspaceRequest, body: TaskAction) -> Any:
        """How many tasks match, the first ten, and what would happen. Nothing is changed. The same
        call to `POST /tasks/actions` with the token in the answer does exactly this, for ten
        minutes; `POST /operations` does it as a bulk operation.
        """
        return _call_of(request, body).preview()

    @verb(
        "GET",
        "tasks/stats",
        name="tasks_stats",
        summary="Show figures of tasks",
        query=InternalFilter,
        returns=TaskStats,
        errors=(422,),
    )
    def stats(self, request: WorkspaceRequest, wanted: InternalFilter) -> Any:
        """The tasks of the workspace, and those that ended within the last minutes."""
        return queries.get_task_stats(request.workspace.id, with_internal=wanted.is_internal)

    @verb(
        "GET",
        "tasks/<uuid:id>",
        name="tasks_retrieve",
        summary="Show a task",
        returns=TaskDetail,
        errors=(404,),
    )
    def retrieve(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The task with its attempts, neighbours and log lines."""
        return queries.get_task_detail(request.workspace.id, id)

    @verb(
        "PATCH",
        "tasks/<uuid:id>",
        name="tasks_change",
        summary="Change a waiting task",
        body=TaskChange,
        check=_check_change,
        returns=Task,
        errors=(404, 409, 413, 422),
    )
    def change(self, request: WorkspaceRequest, body: TaskChange, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Change a task that has not started; 409 if it has."""
        workspace_id = request.workspace.id
        with transaction.atomic():
            before = services.lock_priorities(workspace_id=workspace_id, ids=[id])
            services.edit_task(
                workspace_id=workspace_id, task_id=id, changes=body.changes, actor=request.actor
            )
        priority = body.changes.get("priority")
        if priority not in (None, before[id]) and len(body.changes) == 1:
            undone = priority_change(workspace_id, before, [id], body.changes["priority"])
            offer_undo(request, "priorities", {"changes": [undone]})
        return _shown(request, id)

    @verb(
        "DELETE",
        "tasks/<uuid:id>",
        name="tasks_cancel",
        summary="Cancel a task",
        returns=Task,
        errors=(404, 409),
    )
    def cancel(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Cancel: a waiting task ends at once, a running one is asked to stop, then stopped."""
        services.cancel_task(workspace_id=request.workspace.id, task_id=id, actor=request.actor)
        return _shown(request, id)

    @verb(
        "GET",
        "tasks/<uuid:id>/explain",
        name="tasks_explain",
        summary="Explain why a task is not running",
        returns=Explanation,
        errors=(404,),
    )
    def explain(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Why the task is not running, in one sentence and as data."""
        return queries.explain_task(request.workspace.id, id)

    @verb(
        "POST",
        "tasks/<uuid:id>/retry",
        name="tasks_retry",
        summary="Retry a task",
        returns=Task,
        errors=(404, 409),
    )
    def retry(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """A fresh round of attempts for an ended task."""
        services.retry_task(workspace_id=request.workspace.id, task_id=id, actor=request.actor)
        return _shown(request, id)

    @verb(
        "POST",
        "tasks/<uuid:id>/run-now",
        name="tasks_run_now",
        summary="Run a waiting task now",
        returns=Task,
        errors=(404, 409),
    )
    def run_now(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Skip the wait of a scheduled or retrying task."""
        services.run_task_now(workspace_id=request.workspace.id, task_id=id, actor=request.actor)
        return _shown(request, id)
