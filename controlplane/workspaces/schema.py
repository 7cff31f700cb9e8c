"""Workspaces in requests and responses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from annotated_types import MaxLen
from pydantic import Field

from controlplane.core.requests import API, COMMAND, PAGE
from controlplane.core.schema import Request, Resource, itself, shown
from controlplane.core.schema.fields import Moment, OneOf, Text
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import Choices, Search, Texts
from controlplane.core.schema.values import Moment as MomentOf
from controlplane.workspaces.audit.changes import read_changes, reason_of
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


class Member(Resource):
    """A user with a role in the workspace."""

    id: UUID
    user: str = shown("User name.", source="user.username")
    role: Role
    is_active: bool = shown("Whether they may log in.", source="user.is_active")
    created_at: datetime = shown("Since when they are a member.")


class MemberRequest(Request):
    """A member to add."""

    user: Annotated[str, Text(150)] = Field(description="Exact user name of an account.")
    role: Annotated[str, OneOf(tuple(Role.values))] = Field(description="Role in the workspace.")


class RoleRequest(Request):
    """Another role of a member."""

    role: Annotated[str, OneOf(tuple(Role.values))] = Field(description="Role in the workspace.")


# Who asked, by groups: people at pages, the API or the command line; keys; the platform itself.
PEOPLE, KEYS, SYSTEM = "people", "keys", "system"
BY = (PEOPLE, KEYS, SYSTEM)
DOORS = (PAGE, API, COMMAND)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Filters of the audit log."""

    by: tuple[str, ...] = condition(
        "by", Choices(choices=BY), "Who did it: people, API keys, or the platform itself."
    )
    actions: tuple[str, ...] = condition("action", Texts(), "What was done, such as `task.cancel`.")
    actor_id: str = condition("actorId", Search(minimum=1), "Id of a user or an API key.")
    actor: str = condition("actor", Search(minimum=1, limit=200), "Whole name of who did it.")
    target_type: str = condition(
        "targetType", Search(minimum=1, limit=50), "Kind of object, such as `queue`."
    )
    target_id: str = condition("targetId", Search(minimum=1, limit=200), "Id of an object.")
    doors: tuple[str, ...] = condition("door", Choices(choices=DOORS), "Where it was asked.")
    request_id: str = condition(
        "requestId", Search(minimum=1, limit=64), "Id of a request, or `operation:<id>`."
    )
    search: str = condition(
        "search", Search(minimum=1, limit=200), "Part of an actor, object, action or reason."
    )
    created_after: datetime | None = condition("createdAfter", MomentOf(), "At or after this time.")
    created_before: datetime | None = condition("createdBefore", MomentOf(), "Before this time.")


class Actor(Resource):
    """Who did it."""

    kind: ActorKind = shown(source="actor_kind")
    id: str = shown(source="actor_id")
    name: str = shown(source="actor_label")


class UndoIn(Request):
    """A change to undo."""

    token: Annotated[str, Text(100_000)] = Field(
        description="The header X-Undo of the response to the change."
    )


class Undone(Resource):
    """What was undone."""

    text: str = shown("In words.")


class Change(Resource):
    """One changed field."""

    field: str
    before: Any = shown("Null when it had no value.", guard="payload")
    after: Any = shown("Null when it has no value now.", guard="payload")


class AuditEvent(Resource):
    """One event of the audit log."""

    id: UUID
    actor: Actor = shown(compute=itself)
    action: str
    target_type: str
    target_id: str
    reason: str = shown(
        "Why, in the words of who did it.",
        compute=lambda event: reason_of(event.detail),
        guard="payload",
    )
    changes: list[Change] = shown(
        "Fields that changed.", compute=lambda event: read_changes(event.detail)
    )
    detail: dict[str, Any] = shown(guard="payload")  # of an edit it has the payloads
    door: str = shown("`page`, `api` or `command`; empty for the platform itself.")
    request_id: str
    ip: str | None
    created_at: datetime
