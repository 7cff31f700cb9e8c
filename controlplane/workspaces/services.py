"""Writes to workspaces."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import connections, transaction

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, FieldError, Invalid
from controlplane.core.ids import first_id_of
from controlplane.core.names import InvalidNameError, canonical_name, check_name
from controlplane.core.requests import (
    current_client_ip,
    current_door,
    current_reason,
    current_request_id,
)
from controlplane.workspaces.actors import SYSTEM, Actor, require_grantable, require_role
from controlplane.workspaces.identities import directory, hash_key, make_key
from controlplane.workspaces.models import ID_SLACK, ApiKey, AuditEvent, Membership, Workspace
from controlplane.workspaces.queries import get_api_key
from controlplane.workspaces.states import (
    DEFAULT_WORKSPACE,
    DEFAULT_WORKSPACE_ID,
    ActorKind,
    Role,
)

_SCOPE = re.compile(r"([a-z][a-z-]{0,30}|\*):(read|write)")
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME_LENGTH = 200
_SCOPES_MOST = 50
_REQUEST_LENGTH = 64
# Any constant that nothing else locks: two first starts must not both make an admin.
_BOOTSTRAP_LOCK = 7_461_736_108


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key; `secret` is the whole key, which cannot be shown again."""

    key: ApiKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The result of the first start."""

    username: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)


def ensure_default_workspace(*, using: str = "default") -> Workspace:
    """The workspace `default`, created if it is missing."""
    workspace, _ = Workspace.objects.using(using).get_or_create(
        id=DEFAULT_WORKSPACE_ID, defaults={"slug": DEFAULT_WORKSPACE, "name": "Default"}
    )
    return workspace


@transaction.atomic
def create_workspace(*, slug: str, name: str, actor: Actor) -> Workspace:
    """A new tenant. Raises Invalid: the slug is no label of lower-case letters, digits and hyphens,
    or no name; Conflict: there is one already."""
    name, errors = _read_name(name)
    if not _SLUG.fullmatch(slug):
        message = "Up to 63 lower-case letters, digits, and hyphens inside."
        errors.append({"field": "slug", "message": message})
    if errors:
        raise Invalid(errors=errors)
    workspace, is_new = Workspace.objects.get_or_create(slug=slug, defaults={"name": name})
    if not is_new:
        raise Conflict(f"There is a workspace {slug!r} already.")
    record_audit(workspace, actor, "workspace.create", "workspace", workspace.id, {"slug": slug})
    return workspace


@transaction.atomic
def rename_workspace(*, workspace: Workspace, name: str, actor: Actor) -> Workspace:
    """Another name for people; the slug stays. Raises Invalid: no name."""
    name, errors = _read_name(name)
    if errors:
        raise Invalid(errors=errors)
    before = Workspace.objects.values_list("name", flat=True).get(id=workspace.id)
    workspace.name = name
    workspace.save(update_fields=["name"])
    detail = {"name": name, "before": {"name": before}}
    record_audit(workspace, actor, "workspace.rename", "workspace", workspace.id, detail)
    return workspace


@transaction.atomic
def add_member(*, workspace: Workspace, user: User, role: str, actor: Actor) -> Membership:
    """Give a user a role in the workspace, or change it; one that stays is not recorded. Raises
    Forbidden, Invalid; Conflict: it is the actor's own role, or that of the last administrator."""
    require_role(actor, Role.ADMIN)
    role = _role(role)
    admins = _lock_admins(workspace.id)
    member, is_new = Membership.objects.get_or_create(
        workspace=workspace, user=user, defaults={"role": role}
    )
    if not is_new and member.role == role:
        return member
    detail: dict[str, Any] = {"user": user.get_username(), "role": role}
    if not is_new:
        _refuse_loss(member, admins, actor, is_removal=False)
        detail["before"] = {"role": member.role}
        member.role = role
        member.save(update_fields=["role"])
    action = "member.add" if is_new else "member.change"
    record_audit(workspace, actor, action, "user", user.pk, detail)
    return member


@transaction.atomic
def invite_member(*, workspace: Workspace, name: str, role: str, actor: Actor) -> Membership:
    """Add the user of this name, who has an account. Raises Invalid: there is none; Conflict: they
    are a member; and what add_member raises."""
    require_role(actor, Role.ADMIN)
    users = get_user_model()
    user = users.objects.filter(**{users.USERNAME_FIELD: name}, is_active=True).first()
    if user is None:
        message = "There is no active user of this name."
        raise Invalid(errors=[{"field": "user", "message": message}])
    if Membership.objects.filter(workspace=workspace, user=user).exists():
        raise Conflict("They are a member already: change their role instead.")
    return add_member(workspace=workspace, user=user, role=role, actor=actor)


@transaction.atomic
def remove_member(*, member: Membership, actor: Actor) -> None:
    """Take a user's role in the workspace away. Raises Forbidden; Conflict: it is the actor's own
    role, or that of the last administrator."""
    require_role(actor, Role.ADMIN)
    _refuse_loss(member, _lock_admins(member.workspace_id), actor, is_removal=True)
    member.delete()
    detail = {"user": member.user.get_username(), "role": member.role}
    record_audit(member.workspace_id, actor, "member.remove", "user", member.user_id, detail)


@transaction.atomic
def create_api_key(
    *,
    workspace: Workspace,
    name: str,
    role: str,
    actor: Actor,
    scopes: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> CreatedKey:
    """A new key, with its secret this once. Raises Forbidden: it would be allowed more than the
    actor, or live longer than the actor's key; Invalid: no name, an unknown role, a malformed
    scope, or an expiry that has passed."""
    check_api_key(name=name, role=role, scopes=scopes, expires_at=expires_at)
    require_grantable(actor, role=Role(role), scopes=scopes, expires_at=expires_at)
    made = make_key()
    key = ApiKey.objects.create(
        workspace=workspace,
        name=canonical_name(name),
        prefix=made.prefix,
        secret_hash=hash_key(made.secret),
        role=role,
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
        created_by=actor.label,
    )
    detail = {"name": key.name, "prefix": key.prefix, "role": role, "scopes": key.scopes}
    record_audit(workspace, actor, "api_key.create", "api_key", key.id, detail)
    return CreatedKey(key, made.secret)


def check_api_key(
    *, name: str, role: str, scopes: Sequence[str], expires_at: datetime | None
) -> None:
    """The rules of a new key. Raises Invalid: one of them is broken; each error names its field."""
    _, errors = _read_name(name)
    if role not in Role.values:
        errors.append({"field": "role", "message": f"One of {', '.join(Role.values)}."})
    if len(scopes) > _SCOPES_MOST:
        errors.append({"field": "scopes", "message": f"At most {_SCOPES_MOST} scopes."})
    for index, scope in enumerate(scopes[:_SCOPES_MOST]):
        if not _SCOPE.fullmatch(scope):
            message = "A scope is like tasks:read, tasks:write or *:read."
            errors.append({"field": f"scopes[{index}]", "message": message})
    if expires_at is not None and expires_at <= now():
        errors.append({"field": "expiresAt", "message": "This time has passed."})
    if errors:
        raise Invalid(errors=errors)


@transaction.atomic
def revoke_api_key(*, workspace: Workspace, key_id: UUID, actor: Actor) -> ApiKey:
    """End a key for good: at once in this process, in others within a few seconds. Raises NotFound:
    the workspace has no such key; Conflict: it was revoked before."""
    key = get_api_key(workspace, key_id)
    at = now()
    if not ApiKey.objects.filter(id=key_id, revoked_at__isnull=True).update(revoked_at=at):
        raise Conflict("This API key was revoked before.")
    key.revoked_at = at
    detail = {"name": key.name, "prefix": key.prefix}
    record_audit(workspace, actor, "api_key.revoke", "api_key", key_id, detail)
    transaction.on_commit(lambda: directory.forget(key_id))
    return key


@transaction.atomic
def ensure_bootstrap(username: str = "admin") -> Bootstrap | None:
    """An admin and an API key for a new installation; None when there is any user already."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_BOOTSTRAP_LOCK])
    users = get_user_model()
    if users.objects.exists():
        return None
    password = secrets.token_urlsafe(18)
    admin = users.objects.create_superuser(username=username, password=password)
    workspace = ensure_default_workspace()
    add_member(workspace=workspace, user=admin, role=Role.ADMIN, actor=SYSTEM)
    made = create_api_key(workspace=workspace, name="first start", role=Role.ADMIN, actor=SYSTEM)
    return Bootstrap(username, password, made.secret)


def lock_workspace(workspace_id: UUID) -> None:
    """Until the end of the transaction, callers of this wait for each other; rows that name the
    workspace are not affected."""
    Workspace.objects.select_for_update(no_key=True).get(id=workspace_id)


def record_audit(
    workspace: Workspace | UUID,
    actor: Actor,
    action: str,
    target_type: str,
    target_id: object,
    detail: dict[str, Any],
    *,
    using: str = "default",
) -> AuditEvent:
    """Write who did what; call it in the transaction of the change, so that both or neither are
    committed. `action` is like `task.cancel`; `detail` must be JSON without secrets. The reason
    that was stated for the call is added to it.
    """
    if (reason := current_reason()) and not detail.get("reason"):
        detail = {**detail, "reason": reason}
    return AuditEvent.objects.using(using).create(
        workspace_id=workspace.pk if isinstance(workspace, Workspace) else workspace,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        action=action,
        target_type=target_type,
        target_id=str(target_id),
        detail=detail,
        request_id=current_request_id()[:_REQUEST_LENGTH],
        door=current_door(),
        ip=current_client_ip(),
    )


@transaction.atomic
def prune_audit(*, before: datetime, limit: int = 10_000) -> int:
    """Delete the oldest events of every workspace, at most `limit`. Returns their number."""
    with connections["default"].cursor() as cursor:
        # For this transaction only: the trigger refuses every other deletion.
        cursor.execute("SELECT set_config('taskplane.prune_audit', 'on', true)")
        # By their ids, too, the search ends where the kept ones begin.
        end = first_id_of(before + ID_SLACK)
        old = AuditEvent.objects.filter(created_at__lt=before, id__lt=end)
        oldest = old.order_by("id").values("id")
        deleted, _ = AuditEvent.objects.filter(id__in=oldest[:limit]).delete()
        cursor.execute("SELECT set_config('taskplane.prune_audit', 'off', true)")
    return deleted


def _lock_admins(workspace_id: UUID) -> set[UUID]:
    """The members with the role admin, locked: two of them must not remove each other."""
    admins = Membership.objects.filter(workspace_id=workspace_id, role=Role.ADMIN.value)
    return set(admins.order_by("id").select_for_update().values_list("id", flat=True))


def _refuse_loss(member: Membership, admins: set[UUID], actor: Actor, *, is_removal: bool) -> None:
    """Raises Conflict."""
    what = "remove yourself" if is_removal else "change your own role"
    if actor.kind == ActorKind.USER and actor.id == str(member.user_id):
        raise Conflict(f"You cannot {what}: ask another administrator.")
    if admins == {member.id}:
        raise Conflict(
            f"{member.user.get_username()} is the last administrator of this workspace: give "
            "somebody else the role admin first."
        )


def _read_name(name: str) -> tuple[str, list[FieldError]]:
    """The name as it is stored, and its error."""
    try:
        return check_name(name, limit=_NAME_LENGTH), []
    except InvalidNameError as error:
        return name, [{"field": "name", "message": str(error)}]


def _role(role: str) -> Role:
    if role not in Role.values:
        raise Invalid(errors=[{"field": "role", "message": f"One of {', '.join(Role.values)}."}])
    return Role(role)
