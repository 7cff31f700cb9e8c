"""Writes to workspaces."""

from typing import Any
from uuid import UUID

from controlplane.core.requests import current_client_ip, current_request_id
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import AuditEvent, Workspace
from controlplane.workspaces.states import DEFAULT_WORKSPACE, DEFAULT_WORKSPACE_ID


def ensure_default_workspace(*, using: str = "default") -> Workspace:
    """The workspace `default`, made when it is missing."""
    workspace, _ = Workspace.objects.using(using).get_or_create(
        id=DEFAULT_WORKSPACE_ID, defaults={"slug": DEFAULT_WORKSPACE, "name": "Default"}
    )
    return workspace


def record_audit(
    *,
    workspace: Workspace | UUID,
    actor: Actor,
    action: str,
    target_type: str,
    target_id: str,
    detail: dict[str, Any],
    using: str = "default",
) -> AuditEvent:
    """Write who did what; call it in the transaction of the change, so that both or neither are.

    `action` is like `task.cancel`; `detail` must be JSON and hold no secret.
    """
    return AuditEvent.objects.using(using).create(
        workspace_id=workspace.pk if isinstance(workspace, Workspace) else workspace,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        action=action,
        target_type=target_type,
        target_id=str(target_id),
        detail=detail,
        request_id=current_request_id(),
        ip=current_client_ip(),
    )
