"""Workspaces, members, API keys and users in the audit log."""

from django.contrib.auth.models import User

from controlplane.workspaces.audit.kinds import Kind, read_number, register
from controlplane.workspaces.models import ApiKey, Membership, Workspace

register(
    Kind(
        target="workspace",
        noun="workspace",
        plural="workspaces",
        icon="shield",
        page="workspaces_workspace",
        rows=Workspace.objects.all,
        label="slug",
        belongs="id",
        verbs={"workspace.create": "created", "workspace.rename": "renamed"},
    ),
    Kind(
        target="api_key",
        noun="API key",
        plural="API keys",
        icon="key",
        page="workspaces_apikey",
        rows=ApiKey.objects.all,
        label="name",
        verbs={"api_key.create": "created", "api_key.revoke": "revoked"},
    ),
    # Its events name the user.
    Kind(
        target="user",
        noun="member",
        plural="members",
        icon="user",
        page="workspaces_membership",
        rows=Membership.objects.all,
        key="user_id",
        label="user__username",
        read=read_number,
        verbs={
            "member.add": "added",
            "member.change": "changed the role of",
            "member.remove": "removed",
        },
    ),
    Kind(
        target="account",
        noun="user",
        plural="users",
        icon="user",
        page="auth_user",
        rows=User.objects.all,
        label="username",
        belongs="",
        read=read_number,
        verbs={
            "account.create": "created",
            "account.change": "changed",
            "account.password": "changed the password of",
            "account.delete": "deleted",
        },
    ),
)
