"""Reads of workspaces."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from controlplane.core.clock import now
from controlplane.core.errors import NotFound
from controlplane.workspaces.models import ApiKey, AuditEvent, Membership, Workspace
from controlplane.workspaces.states import DEFAULT_WORKSPACE, DEFAULT_WORKSPACE_ID, Role

_MAX_WORKSPACES = 1_000


def get_default_workspace_id() -> UUID:
    """The id of the workspace `default`, which always exists; costs no query."""
    return DEFAULT_WORKSPACE_ID


def get_workspace(slug: str) -> Workspace:
    """The workspace of this name. Raises NotFound: there is none."""
    found = Workspace.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no workspace {slug!r}.")
    return found


def get_workspace_slug(workspace_id: UUID) -> str:
    """The name of a workspace in addresses and commands. Raises NotFound: there is none."""
    slug = Workspace.objects.filter(id=workspace_id).values_list("slug", flat=True).first()
    if slug is None:
        raise NotFound(f"There is no workspace {workspace_id}.")
    return slug


def list_workspaces(ids: Collection[UUID] | None = None) -> QuerySet[Workspace]:
    found = Workspace.objects.order_by("slug")
    return found if ids is None else found.filter(id__in=ids)


def choose_workspace(user: AbstractBaseUser, slug: str | None) -> tuple[Workspace, Role] | None:
    """A user's workspace and role: the named workspace, otherwise the only one, otherwise
    `default`. A superuser is admin everywhere. None: the user is not a member, or the choice is
    ambiguous.
    """
    if getattr(user, "is_superuser", False):
        found = Workspace.objects.filter(slug=slug or DEFAULT_WORKSPACE).first()
        return (found, Role.ADMIN) if found else None
    memberships = Membership.objects.filter(user_id=user.pk).select_related("workspace")
    if slug:
        memberships = memberships.filter(workspace__slug=slug)
    by_slug = {member.workspace.slug: member for member in memberships}
    if len(by_slug) == 1:
        chosen = next(iter(by_slug.values()))
    elif DEFAULT_WORKSPACE in by_slug:
        chosen = by_slug[DEFAULT_WORKSPACE]
    else:
        return None
    return chosen.workspace, Role(chosen.role)


def read_roles(user: AbstractBaseUser, named: str = "") -> dict[str, tuple[UUID, Role]]:
    """The workspaces in which a user has a role, by slug, with its id. A superuser is admin in all;
    of more than _MAX_WORKSPACES the first by slug and the named one are there."""
    if getattr(user, "is_superuser", False):
        everything = Workspace.objects.order_by("slug").values_list("slug", "id")
        found = dict(everything[:_MAX_WORKSPACES])
        if named and named not in found:
            found |= dict(everything.filter(slug=named))
        return {slug: (id_, Role.ADMIN) for slug, id_ in found.items()}
    members = Membership.objects.filter(user_id=user.pk).order_by("workspace__slug")
    rows = members.values_list("workspace__slug", "workspace_id", "role")[:_MAX_WORKSPACES]
    return {slug: (id_, Role(role)) for slug, id_, role in rows}


def list_members(workspace: Workspace) -> QuerySet[Membership]:
    members = Membership.objects.filter(workspace=workspace)
    return members.select_related("user").order_by("user__username")


def get_member(workspace: Workspace, member_id: UUID) -> Membership:
    """One member of the workspace. Raises NotFound: it has none of this id."""
    member = list_members(workspace).select_related("workspace").filter(id=member_id).first()
    if member is None:
        raise NotFound(f"There is no member {member_id}.")
    return member


def get_member_by_name(workspace: Workspace, name: str) -> Membership:
    """One member of the workspace, by user name. Raises NotFound."""
    members = list_members(workspace).select_related("workspace")
    member = members.filter(user__username=name).first()
    if member is None:
        raise NotFound(f"{name!r} is no member of this workspace.")
    return member


@dataclass(frozen=True, slots=True)
class AccessCounts:
    """Who may do something in a workspace: members, and keys that are neither revoked nor
    expired."""

    members: int
    keys: int


def count_access(ids: Collection[UUID]) -> dict[UUID, AccessCounts]:
    """Those of each of these workspaces."""
    members = Membership.objects.filter(workspace_id__in=ids).order_by()
    live = Q(expires_at__isnull=True) | Q(expires_at__gt=now())
    keys = ApiKey.objects.filter(live, workspace_id__in=ids, revoked_at__isnull=True).order_by()
    of_members, of_keys = (
        Counter(dict(rows.values_list("workspace_id").annotate(number=Count("id"))))
        for rows in (members, keys)
    )
    return {each: AccessCounts(of_members[each], of_keys[each]) for each in ids}


@dataclass(frozen=True, slots=True)
class HeldRoles:
    """The first memberships of a user, by workspace, and how many there are."""

    first: list[Membership] = field(default_factory=list)
    number: int = 0


def list_roles(user_ids: Collection[int], most: int) -> dict[int, HeldRoles]:
    """The first `most` memberships of each of these users. One statement."""
    of_user: dict[str, Any] = {"partition_by": F("user_id")}
    members = Membership.objects.filter(user_id__in=user_ids).annotate(
        place=Window(RowNumber(), order_by=F("workspace__slug").asc(), **of_user),
        number=Window(Count("*"), **of_user),
    )
    found = {each: HeldRoles() for each in user_ids}
    rows = members.filter(place__lte=most).select_related("workspace")
    for member in rows.order_by("user_id", "place"):
        held = found[member.user_id]
        found[member.user_id] = HeldRoles([*held.first, member], member.number)
    return found


def list_api_keys(workspace: Workspace) -> QuerySet[ApiKey]:
    """Every key, including revoked ones."""
    return ApiKey.objects.filter(workspace=workspace)


def get_api_key(workspace: Workspace, key_id: UUID) -> ApiKey:
    """One key of the workspace. Raises NotFound: it has none of this id."""
    key = list_api_keys(workspace).filter(id=key_id).first()
    if key is None:
        raise NotFound(f"There is no API key {key_id}.")
    return key


def get_api_key_by_prefix(workspace: Workspace, prefix: str) -> ApiKey:
    """One key of the workspace, by the part that may be seen. Raises NotFound: it has none of this
    prefix."""
    key = list_api_keys(workspace).filter(prefix=prefix).first()
    if key is None:
        raise NotFound(f"There is no API key {prefix!r}.")
    return key


def list_events_of(workspace_id: UUID, target_type: str, target_id: str) -> QuerySet[AuditEvent]:
    """What was done to one object, the newest first. Actions on many name the first of them."""
    events = AuditEvent.objects.filter(
        workspace_id=workspace_id, target_type=target_type, target_id=target_id
    )
    return events.order_by("-id")
