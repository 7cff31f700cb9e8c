"""Live topics: the overview, its charts by span, and the counts beside the sidebar's entries."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.core.clock import now, utc_z
from controlplane.core.errors import Unavailable
from controlplane.live.changes import Snapshot
from controlplane.live.topics import WATCHER, Topic, register, rows
from controlplane.ops.operations.queries import count_open as count_open_operations
from controlplane.ops.overview.drawings import list_lost
from controlplane.ops.overview.panels import PANELS, Panel, find_wrong, show_panel
from controlplane.ops.overview.queries.source import SPANS, Source
from dlq.queries import count_open
from workers.queries import VIEW_NODE, count_lost

_CHARTS = ("throughput", "waits")


def read_overview(workspace_id: UUID, _key: str) -> Snapshot:
    """The panels but the charts, as on the page: texts are those that people read, times are left
    to the reader's clock. `failed` names those that cannot be read, if any. Raises Unavailable:
    none can."""
    source = Source(workspace_id, WATCHER, _may, is_live=True)
    return _show(source, (panel for panel in PANELS if panel.name not in _CHARTS))


def read_charts(workspace_id: UUID, span: str) -> Snapshot:
    """The charts, drawn for charts.js; where nodes were lost, also without them, for people who may
    not see nodes."""
    source = Source(workspace_id, WATCHER, _may, span, is_live=True)
    charts = [panel for panel in PANELS if panel.name in _CHARTS]
    found = _show(source, charts)
    if "throughput" in found and list_lost(source):
        without_nodes = source.for_another(lambda permission: permission != VIEW_NODE)
        found["withoutNodes"] = _show(without_nodes, charts)
    return found


def read_navigation(workspace_id: UUID, _key: str) -> Snapshot:
    """What the sidebar counts of a workspace, and of the fleet."""
    return {
        "deadLetters": count_open([workspace_id]),
        "lost": count_lost(now()),
        "operations": count_open_operations(workspace_id),
    }


def read_findings(workspace_id: UUID, _key: str) -> Snapshot:
    """How many things are wrong, as the first panel of the overview says it, and how many of them
    lead to pages that need a permission of Django."""
    found = find_wrong(Source(workspace_id, WATCHER, _may, is_live=True))
    by_permission = {name: number for name, number in found.items() if name}
    return {"wrong": found.total(), "byPermission": by_permission}


def read_span(text: str) -> str:
    """A span of the charts. Raises ValueError."""
    if text not in SPANS:
        raise ValueError(text)
    return text


def _may(_permission: str) -> bool:
    # Everybody who may watch has a role in the workspace; Django's permissions are for its pages.
    return True


def _show(source: Source, panels: Iterable[Panel]) -> Snapshot:
    shown = [show_panel(panel, source) for panel in panels]
    found = {each.panel.name: _describe(each.data) for each in shown if each.data is not None}
    failed = [each.panel.name for each in shown if each.failed]
    if failed and not found:
        # A snapshot without any panel would look like news.
        raise Unavailable(f"No part of the overview can be read: {', '.join(failed)}.")
    return found | ({"failed": failed} if failed else {})


def _describe(data: dict[str, Any]) -> Snapshot:
    """A panel. Its list of rows becomes an object by key, with their order beside it."""
    found = {name: _plain(value) for name, value in data.items() if name != "rows"}
    if "rows" in data:
        found |= rows((row.key, _plain(row)) for row in data["rows"])
    return found


def _plain(value: Any) -> Any:
    """As JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return utc_z(value)
    return str(value) if isinstance(value, UUID) else value


register(Topic("overview", read=read_overview, resource="overview"))
register(
    Topic(
        "overview-charts:<span>",
        read=read_charts,
        resource="overview",
        read_key=read_span,
        every_seconds=2,
    )
)
register(Topic("navigation", read=read_navigation, resource="overview", every_seconds=2))
register(Topic("findings", read=read_findings, resource="overview", every_seconds=2))
