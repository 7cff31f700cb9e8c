"""Whether a request comes from somebody known, by its headers alone."""

from types import SimpleNamespace

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.http import parse_cookie
from django.utils.module_loading import import_string

from controlplane.core.connections import release_connections
from controlplane.workspaces.authentication import SCHEME
from controlplane.workspaces.identities import directory


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
