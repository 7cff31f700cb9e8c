"""Who may own a group: the members of its workspace, and superusers."""

from uuid import UUID

from django.contrib.auth import get_user_model

from controlplane.workspaces.models import Membership

_MAX_OWNERS = 200


def list_owners(workspace_id: UUID, *others: str) -> list[str]:
    """The user names of the members and of `others`, in their order."""
    members = Membership.objects.filter(workspace_id=workspace_id).order_by("user__username")
    names = members.values_list("user__username", flat=True)[:_MAX_OWNERS]
    return sorted({*names, *filter(None, others)})


def find_owner(workspace_id: UUID, username: str) -> int | None:
    """The id of a user who may see the workspace; None for anybody else."""
    if "\x00" in username:
        return None
    members = Membership.objects.filter(workspace_id=workspace_id, user__username=username)
    found = members.values_list("user_id", flat=True).first()
    if found is not None:
        return found
    users = get_user_model().objects.filter(username=username, is_superuser=True)
    return users.values_list("pk", flat=True).first()
