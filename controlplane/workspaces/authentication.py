"""Authentication: an API key, or a Django session.

Either sets `request.workspace` and `request.actor`.
"""

from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import parse_cookie
from django.utils.module_loading import import_string
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from controlplane.core.sql import release_connections
from controlplane.workspaces import queries
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.identities import directory
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.states import ActorKind

SCHEME = "Bearer"
WORKSPACE_HEADER = "X-Workspace"


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <api key>`."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Actor] | None:
        """The key's actor; None without such a header, so that a session is tried."""
        scheme, _, key = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != SCHEME.lower():
            return None
        identity = directory.identify(key.strip())
        if identity is None:
            raise AuthenticationFailed("This API key is unknown, revoked or expired.")
        wanted = request.headers.get(WORKSPACE_HEADER)
        if wanted and wanted != identity.workspace.slug:
            raise PermissionDenied("This API key belongs to another workspace.")
        _enter(request, identity.workspace, identity.actor)
        # A key is not a Django user: code that expects one must not find one.
        return AnonymousUser(), identity.actor

    def authenticate_header(self, request: Request) -> str:
        return f'{SCHEME} realm="taskplane"'


class SessionAuthentication(authentication.SessionAuthentication):
    """A Django session, with CSRF checked. The workspace is the one named in `X-Workspace`,
    otherwise the user's only one, otherwise `default`.
    """

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, None] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        wanted = request.headers.get(WORKSPACE_HEADER)
        choice = queries.choose_workspace(user, wanted)
        if choice is None:
            raise PermissionDenied(
                f"You are not a member of the workspace that {WORKSPACE_HEADER} names."
                if wanted
                else f"Name one of your workspaces with {WORKSPACE_HEADER}; you may have none."
            )
        workspace, role = choice
        actor = Actor(
            kind=ActorKind.USER.value, id=str(user.pk), label=user.get_username()[:200], role=role
        )
        _enter(request, workspace, actor)
        return user, None

    def enforce_csrf(self, request: Request) -> None:
        """Look for the token in the header or in a form, never in a body that is not a form."""
        # REST framework's request would parse the whole body to look for it.
        super().enforce_csrf(request._request)  # type: ignore[arg-type] # what Django's check takes


def _enter(request: Request, workspace: Workspace, actor: Actor) -> None:
    plain: Any = request._request
    plain.workspace = workspace
    plain.actor = actor


def has_valid_credentials(authorization: str, cookie: str) -> bool:
    """Whether there is a valid API key or a session of a user who is logged in.

    For the server, before it takes a large body. What the client may do is decided later.
    """
    try:
        return _has_valid_key(authorization) or _has_valid_session(cookie)
    finally:
        release_connections()


def _has_valid_key(authorization: str) -> bool:
    scheme, _, key = authorization.strip().partition(" ")
    return scheme.lower() == SCHEME.lower() and directory.identify(key.strip()) is not None


def _has_valid_session(cookie: str) -> bool:
    session_key = parse_cookie(cookie).get(settings.SESSION_COOKIE_NAME)
    if not session_key:
        return False
    store: type[SessionBase] = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    request = SimpleNamespace(session=store(session_key))
    return get_user(request).is_authenticated  # type: ignore[arg-type] # it reads the session only
