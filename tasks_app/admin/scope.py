"""Whose rows a person sees in the admin, and as whom they act there."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import ActorKind, Role

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = object


def roles_of(request: HttpRequest) -> dict[UUID, Role] | None:
    """The person's role in each of their workspaces; None for a superuser: admin in all."""
    user: Any = request.user
    if user.is_superuser:
        return None
    found = getattr(request, "_workspace_roles", None)
    if found is None:
        rows = user.memberships.values_list("workspace_id", "role")
        found = {workspace: Role(role) for workspace, role in rows}
        request._workspace_roles = found  # type: ignore[attr-defined] # once a request
    return found


def actor_in(request: HttpRequest, workspace_id: UUID) -> Actor:
    """The person as they may act in a workspace; without a role where they are no member."""
    roles = roles_of(request)
    user: Any = request.user
    return Actor(
        kind=ActorKind.USER.value,
        id=str(user.pk),
        label=user.get_username()[:200],
        role=Role.ADMIN if roles is None else roles.get(workspace_id),
    )


def may(request: HttpRequest, workspace_id: UUID, needed: Role) -> bool:
    """Whether the person's role in the workspace includes the needed one."""
    role = actor_in(request, workspace_id).role
    return role is not None and role.includes(needed)


class OwnWorkspaces(_Admin):
    """Rows of the person's workspaces only."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """All for a superuser."""
        rows = super().get_queryset(request)
        roles = roles_of(request)
        return rows if roles is None else rows.filter(workspace_id__in=list(roles))


class SuperuserOnly(ReadOnlyAdmin):
    """What belongs to no workspace."""

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Of the engine as a whole."""
        return bool(getattr(request.user, "is_superuser", False))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """As above."""
        return self.has_view_permission(request)
