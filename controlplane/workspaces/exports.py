"""The audit log, the API keys and the members of a workspace as files."""

from controlplane.workspaces.audit.queries import list_audit_events
from controlplane.workspaces.exporting import ExportedList, Selected, register
from controlplane.workspaces.exporting.lists import Rows
from controlplane.workspaces.models import ApiKey, Membership
from controlplane.workspaces.schema import ApiKey as ApiKeyOut
from controlplane.workspaces.schema import AuditEvent, AuditFilter, Member
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

API_KEYS = ExportedList(
    name="api-keys",
    noun="API key",
    path="api-keys/export",
    tag="workspaces",
    resource="api-keys",
    role=Role.ADMIN,
    schema=ApiKeyOut,
    rows=lambda selected: ApiKey.objects.filter(workspace_id=selected.workspace_id),
)
MEMBERS = ExportedList(
    name="members",
    noun="member",
    path="members/export",
    tag="workspaces",
    resource="members",
    role=Role.ADMIN,
    schema=Member,
    rows=lambda selected: Membership.objects.filter(workspace_id=selected.workspace_id),
    prepare=lambda rows: rows.select_related("user"),
)

register(AUDIT, API_KEYS, MEMBERS)
