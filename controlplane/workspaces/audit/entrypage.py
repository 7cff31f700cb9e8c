"""The page of one event of the audit log."""

from typing import Any

from django.http import HttpRequest

from controlplane.core.formatting import format_json
from controlplane.workspaces.adminaccess import actor_in
from controlplane.workspaces.audit.queries import list_audit_events
from controlplane.workspaces.audit.rows import Row, audit_url, describe_cause, make_rows
from controlplane.workspaces.models import AuditEvent
from controlplane.workspaces.schema import AuditFilter

_MAX_RELATED = 10
_ITEM_FACTS = ("ids", "payloads")


def describe_entry(request: HttpRequest, event: AuditEvent) -> dict[str, Any]:
    """All that the event has, and what was done in the same request."""
    related = _list_related(event)
    row, *others = make_rows([event, *related], lambda each: actor_in(request, each))
    return {
        "row": row,
        "related": others[:_MAX_RELATED],
        "has_more": len(others) > _MAX_RELATED,
        "request_url": audit_url(requestId=event.request_id) if event.request_id else "",
        "object_history_url": audit_url(
            targetType=event.target_type, targetId=event.target_id, workspace=event.workspace.slug
        ),
        "facts": format_json(dict(row.facts)) if row.facts else "",
        "items": _items(row),
    }


def _list_related(event: AuditEvent) -> list[AuditEvent]:
    """The newest others of the same request."""
    if not event.request_id:
        return []
    wanted = AuditFilter(request_id=event.request_id)
    events = list_audit_events([event.workspace_id], wanted).exclude(pk=event.pk)
    return list(events.select_related("workspace")[: _MAX_RELATED + 1])


def _items(row: Row) -> list[str]:
    """The ids that an event about many names."""
    ids = row.shown["detail"].get("ids") if isinstance(row.shown["detail"], dict) else None
    return [str(each) for each in ids] if isinstance(ids, list) else []


__all__ = ["describe_cause", "describe_entry"]
