"""The pages of queues, and of the engine's own records."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.core.admin.display import time_column
from controlplane.core.admin.pages import ReadMostlyAdmin, ReadOnlyAdmin
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import SEEN_BY_VIEWERS, SuperuserPages, actor_in
from controlplane.workspaces.adminpages import WorkspacePages
from controlplane.workspaces.states import Role
from tasks_app import services
from tasks_app.models import IdempotencyKey, Leader, Queue
from tasks_app.queries.counts import LaneCounts, count_lanes


@admin.register(Queue)
class QueueAdmin(WorkspacePages, ReadMostlyAdmin):
    """Queues: paused and resumed by an action, limited in the form. The first task creates one."""

    list_display = [
        "name",
        "workspace",
        "waiting",
        "running",
        "is_paused",
        "paused_by",
        "max_running",
        "rate_per_second",
    ]
    list_select_related = ["workspace"]
    list_filter = [("paused_at", admin.EmptyFieldListFilter)]
    search_fields = ["name"]
    fields = [
        "name",
        "workspace",
        "paused_at",
        "paused_by",
        "max_running",
        "rate_per_second",
        "created_at",
    ]
    readonly_fields = ["name", "workspace", "paused_at", "paused_by", "created_at"]
    actions = ["pause", "resume"]
    # Limits are configuration.
    required_roles = {**SEEN_BY_VIEWERS, "change": Role.ADMIN}

    def load_page(self, rows: Sequence[Any]) -> None:
        """One query counts the waiting and running tasks of all queues."""
        counts = count_lanes([queue.pk for queue in rows])
        for queue in rows:
            queue.counts = counts.get(queue.pk, LaneCounts())

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: the first task creates a queue."""
        return False

    def save_model(self, request: HttpRequest, obj: Queue, form: Any, change: bool) -> None:
        """Through the service, which writes the audit log and wakes workers."""
        services.change_queue(
            workspace_id=obj.workspace_id,
            name=obj.name,
            actor=actor_in(request, obj.workspace_id),
            changes={name: form.cleaned_data[name] for name in form.changed_data},
        )

    @admin.display(description="waiting")
    def waiting(self, queue: Any) -> int:
        return int(queue.counts.pending)

    @admin.display(description="running")
    def running(self, queue: Any) -> int:
        return int(queue.counts.running)

    @admin.display(description="paused", boolean=True)
    def is_paused(self, queue: Queue) -> bool:
        return queue.paused_at is not None

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        self._set_paused(request, queryset, paused=True)

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        self._set_paused(request, queryset, paused=False)

    def _set_paused(self, request: HttpRequest, queues: QuerySet[Queue], *, paused: bool) -> None:
        def act(queue: Queue, actor: Actor) -> None:
            services.change_queue(
                workspace_id=queue.workspace_id,
                name=queue.name,
                actor=actor,
                changes={"paused": paused},
            )

        self.act_on_rows(request, queues, act, "paused" if paused else "resumed")


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(WorkspacePages, ReadOnlyAdmin):
    """Stored responses to requests with an idempotency key."""

    list_display = [
        "key",
        "workspace_id",
        time_column("created_at", is_sortable=True),
        time_column("expires_at", "expires", is_sortable=True),
    ]
    search_fields = ["key"]
    ordering = ["-id"]
    fields = ["key", "workspace_id", "answer", "created_at", "expires_at"]


@admin.register(Leader)
class LeaderAdmin(SuperuserPages, ReadOnlyAdmin):
    """Which process leads, and until when."""

    list_display = [
        "name",
        "holder_label",
        "term",
        time_column("acquired_at", is_sortable=True),
        time_column("expires_at", "expires", is_sortable=True),
        time_column("last_pass_at", "last pass", is_sortable=True),
    ]
    ordering = ["name"]
