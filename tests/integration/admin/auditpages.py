"""The address of the audit log, and entries for its tests."""

from typing import Any

from django.urls import reverse

from controlplane.workspaces import services
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import AuditEvent
from tests.clients import default_workspace

AUDIT = reverse("admin:workspaces_auditevent_changelist")
ADA = Actor(kind="user", id="7", label="ada", role=None)


def record(
    action: str = "task.cancel", target: str = "task", target_id: str = "t", **options: Any
) -> AuditEvent:
    return services.record_audit(
        options.pop("workspace", default_workspace()),
        options.pop("actor", ADA),
        action,
        target,
        target_id,
        options.pop("detail", {}),
    )
