"""Accounts. They belong to no workspace, so the log of `default` has who changed them."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from controlplane.core.errors import Conflict
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import Membership
from controlplane.workspaces.queries import get_default_workspace_id
from controlplane.workspaces.services import record_audit
from controlplane.workspaces.states import Role

TARGET = "account"


def record_account(user: User, actor: Actor, action: str, detail: dict[str, Any]) -> None:
    """Write who did what to an account, in the open transaction. `detail` has no password."""
    record_audit(
        get_default_workspace_id(),
        actor,
        f"account.{action}",
        TARGET,
        user.pk,
        {"name": user.get_username(), **detail},
    )


@transaction.atomic
def delete_account(user: User, actor: Actor) -> None:
    """Remove an account with its roles. Raises Conflict: it is the actor's own, or the last
    administrator of a workspace."""
    if actor.id == str(user.pk):
        raise Conflict("You cannot delete your own account: ask another administrator.")
    admins = Membership.objects.filter(role=Role.ADMIN.value)
    own = admins.filter(user=user).values_list("workspace_id", flat=True)
    locked = admins.filter(workspace_id__in=own).order_by("id").select_for_update()
    others = {member.workspace_id for member in locked if member.user_id != user.pk}
    alone = [each for each in admins.filter(user=user) if each.workspace_id not in others]
    if alone:
        raise Conflict(
            f"{user.get_username()} is the last administrator of {alone[0].workspace.slug}: give "
            "somebody else the role admin first."
        )
    record_account(user, actor, "delete", {})
    user.delete()
