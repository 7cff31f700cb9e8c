"""Who may go on with an export: asked at its start, and again while it goes on."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model

from controlplane.core.clock import now
from controlplane.core.errors import Forbidden
from controlplane.workspaces.actors import Actor, allows, require_role
from controlplane.workspaces.models import ApiKey, Membership
from controlplane.workspaces.states import ActorKind, Role


@dataclass(frozen=True, slots=True)
class Access:
    """What an export needs. `permission` is Django's, for those that begin on a page; without a
    `workspace_id` a role in any workspace suffices."""

    role: Role
    resource: str
    workspace_id: UUID | None
    permission: str = ""

    def check(self, actor: Actor) -> Actor:
        """The actor as they are now. Raises Forbidden if they may not see the rows any more."""
        if actor.kind == ActorKind.SYSTEM:
            return actor
        found = self._read_key(actor) if actor.kind == ActorKind.KEY else self._read_user(actor)
        require_role(found, self.role)
        if not allows(found.scopes, self.resource, is_read=True):
            raise Forbidden(f"This key has no scope {self.resource}:read.")
        return found

    def _read_key(self, actor: Actor) -> Actor:
        key = ApiKey.objects.filter(pk=actor.id, revoked_at__isnull=True).first()
        if key is None or (key.expires_at is not None and key.expires_at <= now()):
            raise Forbidden("The API key was revoked, or has expired.")
        return Actor(
            actor.kind, actor.id, actor.label, Role(key.role), frozenset(key.scopes), key.expires_at
        )

    def _read_user(self, actor: Actor) -> Actor:
        user: Any = get_user_model().objects.filter(pk=actor.id, is_active=True).first()
        if user is None or (self.permission and not user.has_perm(self.permission)):
            raise Forbidden("You may not see these rows any more.")
        if user.is_superuser:
            return Actor(actor.kind, actor.id, actor.label, Role.ADMIN)
        members = Membership.objects.filter(user=user)
        if self.workspace_id is not None:
            members = members.filter(workspace_id=self.workspace_id)
        held = {Role(role) for role in members.values_list("role", flat=True)}
        highest = next((role for role in reversed(Role) if role in held), None)
        return Actor(actor.kind, actor.id, actor.label, highest)
