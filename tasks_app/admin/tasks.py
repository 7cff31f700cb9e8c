"""The pages of tasks."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.core.errors import DomainError, NotFound
from controlplane.core.ids import parse_uuid
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import WorkspacePages, actor_in, may, roles_of
from controlplane.workspaces.states import Role
from tasks_app import services
from tasks_app.models import Queue, Task
from tasks_app.processors.registry import internal_types
from tasks_app.selectors import explain_task, get_task_detail

MAX_SELECTED = 10_000
_BATCH = 500

Verb = Callable[[UUID, Sequence[UUID], Actor], int]


class QueueFilter(admin.SimpleListFilter):
    """By the name of the queue."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        queues = Queue.objects.order_by("name")
        roles = roles_of(request)
        if roles is not None:
            queues = queues.filter(workspace_id__in=list(roles))
        return [(name, name) for name in queues.values_list("name", flat=True).distinct()[:200]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        if self.value() is None:
            return queryset
        lanes = Queue.objects.filter(name=self.value()).values_list("id", flat=True)
        return queryset.filter(queue_id__in=list(lanes))


class InternalFilter(admin.SimpleListFilter):
    """Bookkeeping of the platform is left out unless somebody asks for it."""

    title = "internal tasks"
    parameter_name = "internal"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("show", "Show")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The first choice is what holds without one."""
        for number, choice in enumerate(super().choices(changelist)):
            yield choice if number else {**choice, "display": "Hide"}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        # An action, or a search for an id, names the tasks that it means.
        if self.value() or request.method == "POST" or _is_id(request.GET.get("q", "")):
            return queryset
        return queryset.exclude(type__in=internal_types())


class TaskActionForm(ActionForm):
    """Beside the choice of an action: what reprioritize needs."""

    priority = forms.IntegerField(
        required=False, min_value=-100, max_value=100, help_text="for reprioritize"
    )


@admin.register(Task)
class TaskAdmin(WorkspacePages, ReadOnlyAdmin):
    """Tasks with their history. Actions call the services, as the person who is logged in."""

    list_display = [
        "short_id",
        "name",
        "type",
        "state",
        "queue",
        "workspace",
        "priority",
        "attempt",
        "created_at",
        "started_at",
        "finished_at",
    ]
    list_display_links = ["short_id", "name"]
    list_filter = ["state", QueueFilter, InternalFilter]
    list_select_related = ["queue", "workspace"]
    search_fields = ["name", "type"]
    search_help_text = "An id, or a part of a name or type."
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    readonly_fields = ["retry_policy", "payload_text", "result_text", "error_text"]
    action_form = TaskActionForm
    actions = ["cancel", "retry", "run_now", "reprioritize"]
    change_form_template = "admin/tasks_app/task/change_form.html"
    fieldsets = [
        (
            None,
            {"fields": ["id", "name", "type", "state", "workspace", "queue", "priority", "tags"]},
        ),
        (
            "Attempts",
            {
                "fields": [
                    "attempt",
                    "max_attempts",
                    "lost_count",
                    "timeout_ms",
                    "progress",
                    "retry_policy",
                ]
            },
        ),
        (
            "Times",
            {
                "fields": [
                    "created_at",
                    "run_at",
                    "started_at",
                    "finished_at",
                    "cancel_requested_at",
                ]
            },
        ),
        ("Data", {"fields": ["payload_text", "result_text", "error_text"]}),
        (
            "Origin",
            {
                "classes": ["collapse"],
                "fields": [
                    "idempotency_key",
                    "workflow_run_id",
                    "step_key",
                    "on_parent_failure",
                    "blocked_by",
                    "lease",
                    "node_id",
                ],
            },
        ),
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Task], search_term: str
    ) -> tuple[QuerySet[Task], bool]:
        """An id is looked up; anything else is searched for."""
        if _is_id(search_term):
            return queryset.filter(id=parse_uuid(search_term.strip())), False
        return super().get_search_results(request, queryset, search_term)

    def describe(self, request: HttpRequest, task: Any) -> dict[str, Any]:
        """The task with its attempts, neighbours and log lines, and why it waits."""
        try:
            more = {
                "detail": get_task_detail(task.workspace_id, task.id),
                "explanation": explain_task(task.workspace_id, task.id),
            }
        except NotFound:  # it was removed between the queries
            more = {}
        more["may_operate"] = may(request, task.workspace_id, Role.OPERATOR)
        return more

    @admin.display(description="id")
    def short_id(self, task: Task) -> str:
        """The random end of the id: the beginning is the time."""
        return f"…{str(task.id)[-12:]}"

    @admin.display(description="payload")
    def payload_text(self, task: Task) -> str:
        return _pretty(task.payload)

    @admin.display(description="result")
    def result_text(self, task: Task) -> str:
        return _pretty(task.result)

    @admin.display(description="error")
    def error_text(self, task: Task) -> str:
        return _pretty(task.error)

    @admin.display(description="retry policy")
    def retry_policy(self, task: Task) -> str:
        return "default of its type" if task.retry is None else _pretty(task.retry)

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        def verb(workspace_id: UUID, ids: Sequence[UUID], actor: Actor) -> int:
            ended, asked = services.cancel_tasks(workspace_id=workspace_id, ids=ids, actor=actor)
            return len(ended) + len(asked)

        self._act(request, queryset, verb, "cancelled or asked to stop")

    @admin.action(description="Retry: a fresh round of attempts")
    def retry(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        def verb(workspace_id: UUID, ids: Sequence[UUID], actor: Actor) -> int:
            return len(services.retry_tasks(workspace_id=workspace_id, ids=ids, actor=actor))

        self._act(request, queryset, verb, "retried")

    @admin.action(description="Run now: skip the wait")
    def run_now(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        def verb(workspace_id: UUID, ids: Sequence[UUID], actor: Actor) -> int:
            return sum(_runs_now(workspace_id, task_id, actor) for task_id in ids)

        self._act(request, queryset, verb, "made ready")

    @admin.action(description="Reprioritize")
    def reprioritize(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        form = TaskActionForm({"priority": request.POST.get("priority"), "action": ""})
        form.fields["action"].required = False
        if not form.is_valid() or form.cleaned_data["priority"] is None:
            self.message_user(request, "Give a priority from -100 to 100.", messages.ERROR)
            return
        priority: int = form.cleaned_data["priority"]

        def verb(workspace_id: UUID, ids: Sequence[UUID], actor: Actor) -> int:
            return len(
                services.reprioritize_tasks(
                    workspace_id=workspace_id, ids=ids, priority=priority, actor=actor
                )
            )

        self._act(request, queryset, verb, f"given priority {priority}")

    def _act(self, request: HttpRequest, tasks: QuerySet[Task], verb: Verb, done: str) -> None:
        """Do it to the selected tasks, by workspace and in batches."""
        chosen = list(tasks.values_list("workspace_id", "id")[: MAX_SELECTED + 1])
        changed = 0
        for workspace_id, ids in _by_workspace(chosen[:MAX_SELECTED]):
            if not may(request, workspace_id, Role.OPERATOR):
                raise PermissionDenied("This needs the role operator in the task's workspace.")
            changed += verb(workspace_id, ids, actor_in(request, workspace_id))
        number = min(len(chosen), MAX_SELECTED)
        noun = "task" if number == 1 else "tasks"
        level = messages.SUCCESS if changed else messages.WARNING
        self.message_user(request, f"{changed} of {number} {noun} {done}.", level)
        if len(chosen) > MAX_SELECTED:
            text = f"At most {MAX_SELECTED} at once; use POST /tasks/actions for the rest."
            self.message_user(request, text, messages.WARNING)


def _is_id(text: str) -> bool:
    try:
        parse_uuid(text.strip())
    except ValueError:
        return False
    return True


def _by_workspace(chosen: Sequence[tuple[UUID, UUID]]) -> Iterator[tuple[UUID, list[UUID]]]:
    ids: dict[UUID, list[UUID]] = defaultdict(list)
    for workspace_id, task_id in chosen:
        ids[workspace_id].append(task_id)
    for workspace_id, own in ids.items():
        for start in range(0, len(own), _BATCH):
            yield workspace_id, own[start : start + _BATCH]


def _runs_now(workspace_id: UUID, task_id: UUID, actor: Actor) -> bool:
    try:
        services.run_task_now(workspace_id=workspace_id, task_id=task_id, actor=actor)
    except DomainError:  # it does not wait for its time
        return False
    return True


def _pretty(value: Any) -> str:
    if value is None:
        return "-"
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))
