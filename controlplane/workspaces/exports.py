"""The audit log as a file."""

from controlplane.workspaces.audit.queries import list_audit_events
from controlplane.workspaces.exporting import ExportedList, Selected, register
from controlplane.workspaces.exporting.lists import Rows
from controlplane.workspaces.schema import AuditEvent, AuditFilter
from controlplane.workspaces.states import Role


def _list_events(selected: Selected) -> Rows:
    wanted: AuditFilter = selected.wanted
    return list_audit_events([selected.workspace_id], wanted)


AUDIT = ExportedList(
    name="audit",
    noun="audit event",
    path="audit/export",
    tag="workspaces",
    resource="audit",
    role=Role.ADMIN,
    schema=AuditEvent,
    filter=AuditFilter,
    rows=_list_events,
    sized=("detail",),
)

register(AUDIT)
