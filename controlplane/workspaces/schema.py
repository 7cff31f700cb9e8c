"""Workspaces in requests and responses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from annotated_types import MaxLen
from pydantic import Field

from controlplane.core.schema import Request, Resource, itself, shown
from controlplane.core.schema.fields import Moment, OneOf, Text
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import Moment as MomentOf
from controlplane.core.schema.values import Search
from controlplane.workspaces.states import ActorKind, Role


class Workspace(Resource):
    """The workspace and role of a request's caller."""

    id: UUID = shown(source="workspace.id")
    slug: str = shown(source="workspace.slug")
    name: str = shown(source="workspace.name")
    role: Role = shown("Your role here.", source="actor.role")
    created_at: datetime = shown(source="workspace.created_at")


class ApiKey(Resource):
    """An API key without its secret, which nobody can read again."""

    id: UUID
    name: str
    prefix: str = shown("The part of the key that may be shown.")
    role: Role
    scopes: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = shown("Correct to about a minute.")
    revoked_at: datetime | None


class CreatedApiKey(ApiKey):
    """The response to a creation: the only one that contains the key."""

    key: str = shown("Shown only once. Keep it like a password.")


class ApiKeyRequest(Request):
    """A key to create."""

    name: Annotated[str, Text(200)]
    role: Annotated[str, OneOf(tuple(Role.values))] = Field(
        default=Role.OPERATOR.value, description="The role of the key."
    )
    scopes: Annotated[list[Annotated[str, Text(64)]], MaxLen(50)] = Field(
        default_factory=list,
        description="Like `tasks:read`; `write` includes `read`, `*` is any resource; none: all.",
    )
    expires_at: Moment | None = None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Filters of the audit log."""

    action: str = condition("action", Search(minimum=1))
    actor_id: str = condition("actorId", Search(minimum=1))
    target_type: str = condition("targetType", Search(minimum=1))
    target_id: str = condition("targetId", Search(minimum=1))
    created_after: datetime | None = condition("createdAfter", MomentOf())
    created_before: datetime | None = condition("createdBefore", MomentOf())

    @property
    def equal(self) -> dict[str, str]:
        """The columns that must be equal."""
        names = ("action", "actor_id", "target_type", "target_id")
        return {name: value for name in names if (value := getattr(self, name))}


class Actor(Resource):
    """Who did it."""

    kind: ActorKind = shown(source="actor_kind")
    id: str = shown(source="actor_id")
    name: str = shown(source="actor_label")


class AuditEvent(Resource):
    """One event of the audit log."""

    id: UUID
    actor: Actor = shown(compute=itself)
    action: str
    target_type: str
    target_id: str
    detail: dict[str, Any] = shown(guard="payload")  # of an edit it has the payloads
    request_id: str
    ip: str | None
    created_at: datetime
