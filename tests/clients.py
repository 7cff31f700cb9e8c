"""Clients of the HTTP API and of the admin, with an identity made for the test."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.test import Client
from rest_framework.test import APIClient

from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.states import Role
from tests.fastclient import KeyClient


def default_workspace() -> Workspace:
    """The workspace that always exists."""
    return services.ensure_default_workspace()


def other_workspace(slug: str = "other") -> Workspace:
    """A second tenant."""
    found = Workspace.objects.filter(slug=slug).first()
    return found or services.create_workspace(slug=slug, name=slug.title(), actor=SYSTEM)


def key_client(
    role: str = Role.ADMIN,
    *,
    workspace: Workspace | None = None,
    takes_fast_path: bool = True,
    **options: Any,
) -> APIClient:
    """A client with a new API key of this role; `options` go to `create_api_key`."""
    made = services.create_api_key(
        workspace=workspace or default_workspace(),
        name=options.pop("name", "a test"),
        role=role,
        actor=SYSTEM,
        **options,
    )
    headers = {"Authorization": f"Bearer {made.secret}"}
    client = KeyClient(headers=headers, takes_fast_path=takes_fast_path)
    client.api_key = made.key
    return client


def user_client(
    role: str | None = Role.ADMIN,
    *,
    workspace: Workspace | None = None,
    username: str = "ada",
    enforce_csrf_checks: bool = False,
    is_superuser: bool = False,
) -> APIClient:
    """A client with a session of a new user, who is a member unless the role is None."""
    user = get_user_model().objects.create_user(
        username=username, password="a secret", is_superuser=is_superuser, is_staff=is_superuser
    )
    if role is not None:
        services.add_member(
            workspace=workspace or default_workspace(), user=user, role=role, actor=SYSTEM
        )
    client = APIClient(enforce_csrf_checks=enforce_csrf_checks)
    client.force_login(user)
    client.user = user
    return client


def staff_user(role: str, *, name: str = "", workspace: Workspace | None = None) -> User:
    """A staff member with every permission of Django and a role in the workspace; or a superuser,
    if that is the role."""
    is_superuser = role == "superuser"
    user = get_user_model().objects.create_user(
        name or f"{role}-person", password="a secret", is_staff=True, is_superuser=is_superuser
    )
    user.user_permissions.set(Permission.objects.all())
    if not is_superuser:
        services.add_member(
            workspace=workspace or default_workspace(), user=user, role=role, actor=SYSTEM
        )
    return user


def staff_client(
    username: str,
    role: str | None = None,
    *,
    apps: Iterable[str],
    workspace: Workspace | None = None,
    **fields: Any,
) -> Client:
    """A staff member with Django's permissions for these apps, and perhaps a role."""
    user = get_user_model().objects.create_user(username, is_staff=True, **fields)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label__in=apps))
    if role:
        services.add_member(
            workspace=workspace or default_workspace(), user=user, role=role, actor=SYSTEM
        )
    client = Client()
    client.force_login(user)
    return client
