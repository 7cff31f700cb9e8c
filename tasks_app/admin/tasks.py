"""The pages of tasks."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.core.admin.actions import act_on_each, confirmed_action
from controlplane.core.admin.display import badge, short_id, show_json, time_column
from controlplane.core.admin.forms import ServiceForm
from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.core.errors import NotFound
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.schema import represent_value
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import is_allowed, roles_of
from controlplane.workspaces.adminpages import WorkspacePages
from controlplane.workspaces.states import Role
from tasks_app import services
from tasks_app.admin.taskpage import describe_task
from tasks_app.models import Queue, Task
from tasks_app.processors.registry import internal_types

_BATCH = 500
_MAX_QUEUES = 200

Act = Callable[[UUID, list[UUID], Actor], int]


class QueueFilter(admin.SimpleListFilter):
    """By the name of the queue."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        queues = Queue.objects.order_by("name")
        roles = roles_of(request)
        if roles is not None:
            queues = queues.filter(workspace_id__in=list(roles))
        names = queues.values_list("name", flat=True).distinct()[:_MAX_QUEUES]
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        if self.value() is None:
            return queryset
        lanes = Queue.objects.filter(name=self.value()).values_list("id", flat=True)
        return queryset.filter(queue_id__in=list(lanes))


class InternalFilter(admin.SimpleListFilter):
    """Internal tasks are hidden unless they are selected."""

    title = "internal tasks"
    parameter_name = "internal"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("show", "Show")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The first choice is the default."""
        for number, choice in enumerate(super().choices(changelist)):
            yield choice if number else {**choice, "display": "Hide"}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        names_tasks = request.method == "POST" and request.POST.get("select_across") != "1"
        if self.value() or names_tasks or parse_uuid_or_none(request.GET.get("q", "")):
            return queryset
        return queryset.exclude(type__in=internal_types())


class PriorityForm(ServiceForm):
    """The form of the action "Change the priority"."""

    priority = forms.IntegerField(
        min_value=-100,
        max_value=100,
        help_text="From -100 to 100. Higher priorities run first.",
        error_messages={"required": "Give a priority from -100 to 100."},
    )


@admin.register(Task)
class TaskAdmin(WorkspacePages, ReadOnlyAdmin):
    """Tasks with their history. Actions call the services as the person who is logged in."""

    list_display = [
        short_id,
        "name",
        "type",
        "status",
        "queue",
        "workspace",
        "priority",
        "attempt",
        time_column("created_at"),
        time_column("started_at"),
        time_column("finished_at"),
    ]
    list_display_links = [short_id, "name"]
    list_filter = ["state", QueueFilter, InternalFilter]
    list_select_related = ["queue", "workspace"]
    search_fields = ["name", "type"]
    id_fields = ("id",)
    search_help_text = "An ID, or part of a name or type."
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    readonly_fields = ["status", "retry_policy", "payload_text", "result_text", "error_text"]
    actions = ["cancel", "retry", "run_now", "reprioritize"]
    change_form_template = "admin/tasks_app/task/change_form.html"
    fieldsets = [
        (
            None,
            {"fields": ["id", "name", "type", "status", "workspace", "queue", "priority", "tags"]},
        ),
        (
            "Attempts",
            {
                "fields": [
                    "attempt", "max_attempts", "lost_count", "timeout_ms", "progress",
                    "retry_policy",
                ]
            },
        ),
        (
            "Times",
            {
                "fields": [
                    "created_at", "run_at", "started_at", "finished_at", "cancel_requested_at",
                ]
            },
        ),
        ("Data", {"fields": ["payload_text", "result_text", "error_text"]}),
        (
            "Origin",
            {
                "classes": ["collapse"],
                "fields": [
                    "idempotency_key", "workflow_run_id", "step_key", "on_parent_failure",
                    "blocked_by", "lease", "node_id",
                ],
            },
        ),
    ]  # fmt: skip

    def describe(self, request: HttpRequest, task: Any) -> dict[str, Any]:
        """The task with its attempts, neighbours and log lines, and why it waits."""
        try:
            context = describe_task(task)
        except NotFound:  # it was removed between the queries
            context = {}
        context["may_operate"] = is_allowed(request, Role.OPERATOR, task.workspace_id)
        return context

    @admin.display(description="state")
    def status(self, task: Task) -> str:
        return badge(task.state, task.get_state_display())

    @admin.display(description="payload")
    def payload_text(self, task: Task) -> str:
        return show_json(represent_value("payload", task.payload, None))

    @admin.display(description="result")
    def result_text(self, task: Task) -> str:
        return show_json(represent_value("result", task.result, None))

    @admin.display(description="error")
    def error_text(self, task: Task) -> str:
        return show_json(represent_value("error", task.error, None))

    @admin.display(description="retry policy")
    def retry_policy(self, task: Task) -> str:
        return "default for the task type" if task.retry is None else show_json(task.retry)

    @confirmed_action(
        "Cancel",
        button="Cancel",
        warning="Waiting tasks are cancelled at once, running tasks are asked to stop. Dependent "
        "tasks are cancelled with them.",
    )
    def cancel(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        def act(workspace_id: UUID, ids: list[UUID], actor: Actor) -> int:
            ended, stopping = services.cancel_tasks(workspace_id=workspace_id, ids=ids, actor=actor)
            return len(ended) + len(stopping)

        self._act(request, queryset, act, "cancelled or asked to stop")

    @admin.action(description="Retry: start a new round of attempts")
    def retry(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        def act(workspace_id: UUID, ids: list[UUID], actor: Actor) -> int:
            return len(services.retry_tasks(workspace_id=workspace_id, ids=ids, actor=actor))

        self._act(request, queryset, act, "retried")

    @admin.action(description="Run now: skip the wait")
    def run_now(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        def act(workspace_id: UUID, ids: list[UUID], actor: Actor) -> int:
            def run(task_id: UUID) -> None:
                services.run_task_now(workspace_id=workspace_id, task_id=task_id, actor=actor)

            return act_on_each(ids, run).changed

        self._act(request, queryset, act, "made ready")

    @confirmed_action("Change the priority", button="Reprioritize", form_class=PriorityForm)
    def reprioritize(
        self, request: HttpRequest, queryset: QuerySet[Task], form: PriorityForm
    ) -> None:
        priority: int = form.cleaned_data["priority"]

        def act(workspace_id: UUID, ids: list[UUID], actor: Actor) -> int:
            changed = services.reprioritize_tasks(
                workspace_id=workspace_id, ids=ids, priority=priority, actor=actor
            )
            return len(changed)

        self._act(request, queryset, act, f"given priority {priority}")

    def _act(self, request: HttpRequest, tasks: QuerySet[Task], act: Act, done: str) -> None:
        def in_batch(workspace_id: UUID, ids: list[UUID], actor: Actor) -> tuple[int, list[str]]:
            return act(workspace_id, ids, actor), []

        rest = "Use POST /tasks/actions for the rest."
        self.act_on_batches(request, tasks, in_batch, done, size=_BATCH, rest=rest)
