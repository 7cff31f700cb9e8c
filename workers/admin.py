"""Worker nodes in the admin: looked at, and drained. They serve all workspaces."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.core.errors import Conflict
from controlplane.workspaces.adminaccess import InstallationPages, actor_in
from controlplane.workspaces.selectors import get_default_workspace_id
from workers import services
from workers.models import Node, NodeSample
from workers.selectors import list_samples
from workers.sparklines import sparkline

_SHOWN_SAMPLES = 240
_MEGABYTE = 1 << 20


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
        "heard",
        "began",
    ]
    list_filter = ["state"]
    search_fields = ["name", "host", "end_reason"]
    ordering = ["-id"]
    actions = ["drain"]
    # Task ids of all workspaces are for those who may see all workspaces.
    exclude = ["slots", "memory_bytes"]
    readonly_fields: ClassVar = ["memory", "cpu_trend", "memory_trend"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """What the slots run only for superusers."""
        more = ["current_tasks"] if self.allows(request, "act") else []
        return [*self.readonly_fields, *more]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Drain is for superusers only: every workspace notices it."""
        actions = super().get_actions(request)
        return actions if self.allows(request, "act") else {}

    @admin.action(description="Drain: finish what runs, take nothing new, end")
    def drain(self, request: HttpRequest, queryset: QuerySet[Node]) -> None:
        done, workspace_id = 0, get_default_workspace_id()
        for node_id in queryset.values_list("id", flat=True):
            try:
                services.drain_node(
                    node_id, workspace_id=workspace_id, actor=actor_in(request, workspace_id)
                )
                done += 1
            except Conflict as error:
                self.message_user(request, str(error), messages.WARNING)
        if done:
            self.message_user(request, f"Draining: {done}. Each ends when it has finished.")

    @admin.display(description="node", ordering="id")
    def label(self, node: Node) -> str:
        return str(node)

    @admin.display(description="state", ordering="state")
    def status(self, node: Node) -> SafeString | str:
        """The state; why it ended as its tooltip."""
        if not node.end_reason:
            return str(node.get_state_display())
        shown = node.get_state_display()
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
        return f"{node.processed:,}"

    @admin.display(description="CPU (%)", ordering="cpu_percent")
    def cpu(self, node: Node) -> str:
        return "" if node.cpu_percent is None else f"{node.cpu_percent:.0f}"

    @admin.display(description="heard (UTC)", ordering="heartbeat_at")
    def heard(self, node: Node) -> str:
        return _utc(node.heartbeat_at)

    @admin.display(description="started (UTC)", ordering="started_at")
    def began(self, node: Node) -> str:
        return _utc(node.started_at)

    @admin.display(description="memory (MB)", ordering="memory_bytes")
    def memory(self, node: Node) -> str:
        return "" if node.memory_bytes is None else str(node.memory_bytes // _MEGABYTE)

    @admin.display(description="slots")
    def current_tasks(self, node: Node) -> SafeString:
        rows = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            (
                (s["slot"], s["running"], s["taskId"] or "", s["startedAt"] or "")
                for s in node.slots
            ),
        )
        head = (
            "<tr><th>Process</th><th>Running</th><th>Longest-running task</th><th>Since</th></tr>"
        )
        return format_html("<table>{}{}</table>", SafeString(head), rows)

    @admin.display(description="CPU (% of a core)")
    def cpu_trend(self, node: Node) -> SafeString | str:
        return _trend(node, "CPU in percent of a core", lambda sample: sample.cpu_percent)

    @admin.display(description="memory (MB), trend")
    def memory_trend(self, node: Node) -> SafeString | str:
        return _trend(node, "Memory in MB", lambda sample: sample.memory_bytes / _MEGABYTE)


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _trend(node: Node, what: str, value: Callable[[NodeSample], float]) -> SafeString | str:
    samples = list(list_samples(node.id)[:_SHOWN_SAMPLES])[::-1]
    if not samples:
        return "No sample yet."
    values = [value(sample) for sample in samples]
    words = f"{what}: now {values[-1]:.0f}, at most {max(values):.0f} in {len(values)} samples"
    points = [(s.at.timestamp(), v) for s, v in zip(samples, values, strict=True)]
    return format_html("{}<br>{}.", sparkline(points, label=words), words)
