"""Worker nodes in the admin: read-only, and drained by an action. They serve all workspaces."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.core.admin.actions import act_on_each, confirmed_action, report
from controlplane.core.admin.display import Table, badge, link, show_time, sparkline, time_column
from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.core.formatting import EMPTY, format_number, format_size
from controlplane.workspaces.adminaccess import actor_in
from controlplane.workspaces.adminpages import InstallationPages
from controlplane.workspaces.queries import get_default_workspace_id
from workers import services
from workers.models import Node, NodeSample
from workers.queries import list_samples

_SHOWN_SAMPLES = 240
_MEBIBYTE = 1 << 20


@admin.register(Node)
class NodeAdmin(InstallationPages, ReadOnlyAdmin):
    """One row per run of a worker process, newest first."""

    # Few enough to fit beside the filter; the rest is on the page of the node.
    list_display = [
        "label",
        "status",
        "place",
        "served",
        "busy",
        "done",
        "failed",
        "cpu",
        "memory",
        time_column("heartbeat_at", "last heartbeat", is_sortable=True),
        time_column("started_at", is_sortable=True),
    ]
    list_filter = ["state"]
    search_fields = ["name", "host", "end_reason"]
    ordering = ["-id"]
    actions = ["drain"]
    change_form_template = "admin/detail.html"
    # Tasks of all workspaces are for those who may see all workspaces.
    exclude = ["slots", "memory_bytes"]
    readonly_fields: ClassVar = ["memory", "cpu_trend", "memory_trend"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The running tasks are for superusers only."""
        more = ["current_tasks"] if self.allows(request, "act") else []
        return [*self.readonly_fields, *more]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Draining is for superusers only: it affects every workspace."""
        actions = super().get_actions(request)
        return actions if self.allows(request, "act") else {}

    @confirmed_action(
        "Drain: finish the running tasks, then stop",
        button="Drain",
        warning="The nodes claim no more tasks and stop when their running tasks have ended.",
    )
    def drain(self, request: HttpRequest, queryset: QuerySet[Node]) -> None:
        workspace_id = get_default_workspace_id()

        def act(node_id: int) -> None:
            actor = actor_in(request, workspace_id)
            services.drain_node(node_id, workspace_id=workspace_id, actor=actor)

        result = act_on_each(list(queryset.values_list("id", flat=True)), act)
        report(self, request, result, "draining")

    @admin.display(description="node", ordering="id")
    def label(self, node: Node) -> str:
        return str(node)

    @admin.display(description="state", ordering="state")
    def status(self, node: Node) -> str:
        """The state; why the node ended is in the tooltip."""
        shown = badge(node.state, node.get_state_display())
        if not node.end_reason:
            return shown
        return format_html('<span title="{}">{}</span>', node.end_reason, shown)

    @admin.display(description="host, process", ordering="host")
    def place(self, node: Node) -> str:
        return f"{node.host}, {node.pid}"

    @admin.display(description="queues")
    def served(self, node: Node) -> str:
        return "all" if "*" in node.queues else ", ".join(node.queues)

    @admin.display(description="running", ordering="running")
    def busy(self, node: Node) -> str:
        return f"{node.running} of {node.concurrency}"

    @admin.display(description="tasks ended", ordering="processed")
    def done(self, node: Node) -> str:
        return format_number(node.processed)

    @admin.display(description="CPU (%)", ordering="cpu_percent")
    def cpu(self, node: Node) -> str:
        return EMPTY if node.cpu_percent is None else f"{node.cpu_percent:.0f}"

    @admin.display(description="memory", ordering="memory_bytes")
    def memory(self, node: Node) -> str:
        return format_size(node.memory_bytes)

    @admin.display(description="slots")
    def current_tasks(self, node: Node) -> SafeString:
        table = Table(
            "",
            ["Process", "Running", "Longest-running task", "Started"],
            [
                [
                    slot["slot"],
                    slot["running"],
                    link("tasks_app_task", slot["taskId"] or None, slot["taskId"]),
                    show_time(parse_datetime(slot["startedAt"] or "")),
                ]
                for slot in node.slots
            ],
            empty="No slots yet.",
        )
        return render_to_string("admin/kit/table.html", {"table": table})

    @admin.display(description="CPU (% of a core)")
    def cpu_trend(self, node: Node) -> SafeString | str:
        return _trend(node, "CPU in percent of a core", lambda sample: sample.cpu_percent)

    @admin.display(description="memory (MiB), trend")
    def memory_trend(self, node: Node) -> SafeString | str:
        return _trend(node, "Memory in MiB", lambda sample: sample.memory_bytes / _MEBIBYTE)


def _trend(node: Node, what: str, value: Callable[[NodeSample], float]) -> SafeString | str:
    samples = list(list_samples(node.id)[:_SHOWN_SAMPLES])[::-1]
    if not samples:
        return "No samples yet."
    values = [value(sample) for sample in samples]
    words = f"{what}: now {values[-1]:.0f}, at most {max(values):.0f} in {len(values)} samples"
    points = [(s.at.timestamp(), v) for s, v in zip(samples, values, strict=True)]
    return format_html("{}<br>{}.", sparkline(points, label=words), words)
