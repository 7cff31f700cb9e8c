"""The topic of the audit log, whose app stands below this one."""

from uuid import UUID

from controlplane.live.changes import Snapshot
from controlplane.live.topics import Topic, register
from controlplane.workspaces.audit.queries import list_audit_events
from controlplane.workspaces.schema import AuditFilter
from controlplane.workspaces.states import Role

_NEWEST = 50


def read_audit(workspace_id: UUID, _key: str) -> Snapshot:
    """The ids of the newest entries: who watches asks for those that match their filters."""
    newest = list_audit_events([workspace_id], AuditFilter())
    return {"order": [str(each) for each in newest.values_list("id", flat=True)[:_NEWEST]]}


register(Topic("audit", read=read_audit, resource="audit", role=Role.ADMIN, every_seconds=2))
