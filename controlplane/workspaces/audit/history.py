"""The history of an object: the audit log about it, in one place."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.workspaces.audit.kinds import Kind, find_kind_of_page
from controlplane.workspaces.audit.listpage import describe_history
from controlplane.workspaces.audit.rows import audit_url
from controlplane.workspaces.models import AuditEvent, Workspace


def show_history(pages: Any, request: HttpRequest, row: Any) -> HttpResponse | None:
    """The log filtered by the row; for those who may not open the log, the events of the row on a
    page of its own. None: the log is not about rows of this kind."""
    kind = find_kind_of_page(f"{pages.opts.app_label}_{pages.opts.model_name}")
    if kind is None:
        return None
    if _may_open_log(pages, request, kind, row):
        return HttpResponseRedirect(_address(kind, row))
    response: HttpResponse = pages.render(
        request,
        "workspaces/audit/list.html",
        title="History",
        original=row,
        **describe_history(request, kind, row),
    )
    return response


def _may_open_log(pages: Any, request: HttpRequest, kind: Kind, row: Any) -> bool:
    log = pages.admin_site._registry[AuditEvent]
    # Any event of the row's workspace stands for all of them.
    probe = AuditEvent(workspace_id=getattr(row, kind.belongs)) if kind.belongs else None
    return bool(log.has_view_permission(request, probe))


def _address(kind: Kind, row: Any) -> str:
    params = {"targetType": kind.target, "targetId": str(getattr(row, kind.key))}
    if kind.belongs:
        # Two workspaces may have queues of one name.
        workspace = Workspace.objects.filter(pk=getattr(row, kind.belongs))
        params["workspace"] = workspace.values_list("slug", flat=True).get()
    return audit_url(**params)
