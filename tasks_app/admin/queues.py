"""The pages of queues."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.core.adminpages import ReadMostlyAdmin
from controlplane.workspaces.adminaccess import SEEN_BY_VIEWERS, WorkspacePages, actor_in
from controlplane.workspaces.states import Role
from tasks_app import services
from tasks_app.models import Queue
from tasks_app.selectors.queues import LaneCounts, count_lanes


class _CountedList(ChangeList):
    """One query counts what waits and runs in all the queues of a page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        counts = count_lanes([queue.pk for queue in self.result_list])
        for queue in self.result_list:
            queue.counts = counts.get(queue.pk, LaneCounts())


@admin.register(Queue)
class QueueAdmin(WorkspacePages, ReadMostlyAdmin):
    """Queues: pause and resume as an action, limits in the form. A submission makes them."""

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

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _CountedList

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody has it here."""
        return False

    def save_model(self, request: HttpRequest, obj: Queue, form: Any, change: bool) -> None:
        """Through the service, which audits it and sends wake-ups."""
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
        chosen = list(queues.select_related("workspace"))
        for queue in chosen:
            services.change_queue(
                workspace_id=queue.workspace_id,
                name=queue.name,
                actor=actor_in(request, queue.workspace_id),
                changes={"paused": paused},
            )
        noun = "queue" if len(chosen) == 1 else "queues"
        done = "paused" if paused else "resumed"
        self.message_user(request, f"{len(chosen)} {noun} {done}.")
