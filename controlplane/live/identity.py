"""Who watches: a Django session whose page is ours, or an API key; in which workspaces; and whether
they still may.

Checks are remembered for a few seconds, so that many sockets of one person cost no more than one.
"""

import asyncio
import hashlib
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain
from django.utils.module_loading import import_string

from controlplane.core.process_state import register_reset
from controlplane.core.sql import DATABASE_ERRORS, release_connection
from controlplane.live.messages import Closed, Code
from controlplane.live.topics import Topic
from controlplane.workspaces import queries
from controlplane.workspaces.actors import allows
from controlplane.workspaces.authentication import SCHEME
from controlplane.workspaces.identities import directory
from controlplane.workspaces.states import DEFAULT_WORKSPACE, ActorKind, Role

REMEMBER_SECONDS = 5.0
_MAX_REMEMBERED = 10_000
_LOCAL_HOSTS = (".localhost", "127.0.0.1", "[::1]")
_PORTS = {"http": "80", "https": "443"}
_SHOWN = 100
# Checks wait for the database, never for a client.
_threads = ThreadPoolExecutor(4, thread_name_prefix="live-identity")


@dataclass(frozen=True, slots=True)
class Access:
    """A role in a workspace."""

    workspace_id: UUID
    role: Role | None


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody, with the workspaces in which they have a role, by name. `workspace` is that of
    topics that name none; empty if the client named none and the choice is not clear."""

    person: str
    workspace: str
    accesses: Mapping[str, Access]
    scopes: frozenset[str] = frozenset()

    def find_access(self, workspace: str) -> Access | None:
        """The role in a workspace, or in that of the socket if the name is empty."""
        return self.accesses.get(workspace or self.workspace)

    def refusal_of(self, topic: Topic, workspace: str = "") -> str:
        """Why they may not watch the topic of a workspace; empty if they may."""
        access = self.find_access(workspace)
        if access is None and not workspace:
            return f"Name one of your workspaces: <workspace>/{topic.pattern}."
        if access is None:
            return (
                f"You have no role in the workspace {workspace[:_SHOWN]!r}, or it does not exist."
            )
        if access.role is None or not access.role.includes(topic.role):
            return f"This needs the role {topic.role}; yours is {access.role or 'none'}."
        if not allows(self.scopes, topic.resource, is_read=True):
            return f"This key has no scope {topic.resource}:read."
        return ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client has shown; `workspace` is the one that it named."""

    session_key: str = ""
    api_key: str = ""
    workspace: str = ""

    def check(self) -> Identity:
        """Who this is now. Takes a connection of the database for a moment.

        Raises Closed: nobody, or they are not a member of the workspace.
        """
        try:
            if self.api_key:
                return _identify_key(self.api_key, self.workspace)
            return _remembered.identify(self.session_key, self.workspace)
        finally:
            release_connection()


async def check(credentials: Credentials, *, known: Identity | None = None) -> Identity:
    """Who this is now; as before while the database does not answer. Raises Closed."""
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(_threads, credentials.check)
    except DATABASE_ERRORS:
        if known is not None:
            return known
        raise Closed(Code.UNAVAILABLE, "The database does not answer.") from None


def read_authorization(text: str) -> str:
    """The API key of a first message. Raises Closed."""
    scheme, _, key = text.strip().partition(" ")
    if scheme.lower() != SCHEME.lower() or not key.strip():
        raise Closed(Code.NO_IDENTITY, 'authorization is "Bearer <api key>".')
    return key.strip()


def session_key_of(headers: Mapping[str, str]) -> str:
    """The key of the session in the cookies of a page that is ours; empty without an Origin, which
    every browser sends."""
    if "origin" not in headers:
        return ""
    return parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME, "")


def is_known_host(headers: Mapping[str, str]) -> bool:
    """Whether the request is for one of ALLOWED_HOSTS."""
    allowed = settings.ALLOWED_HOSTS or (_LOCAL_HOSTS if settings.DEBUG else ())
    domain, _ = split_domain_port(headers.get("host", ""))
    return bool(domain) and validate_host(domain, allowed)


def is_own_origin(headers: Mapping[str, str]) -> bool:
    """Whether no page, or a page of this host or of CSRF_TRUSTED_ORIGINS, opens the socket."""
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in _PORTS or not parts.hostname:
        return False
    if _with_port(parts.netloc, parts.scheme) == _with_port(headers.get("host", ""), parts.scheme):
        return True
    return any(
        _is_trusted(parts.scheme, parts.hostname, port, trusted)
        for trusted in settings.CSRF_TRUSTED_ORIGINS
    )


def _with_port(host: str, scheme: str) -> tuple[str, str]:
    domain, port = split_domain_port(host)
    return domain, port or _PORTS[scheme]


def _is_trusted(scheme: str, host: str, port: int | None, trusted: str) -> bool:
    """As Django compares an Origin: `https://*.example.com` allows sub-domains."""
    wanted = urlsplit(trusted)
    pattern = wanted.netloc.partition(":")[0]
    pattern = pattern.removeprefix("*")
    return (
        wanted.scheme == scheme
        and (wanted.port or int(_PORTS[scheme])) == (port or int(_PORTS[scheme]))
        and is_same_domain(host, pattern)
    )


def _identify_key(key: str, workspace: str) -> Identity:
    found = directory.identify(key)
    if found is None:
        raise Closed(Code.NO_IDENTITY, "This API key is unknown, revoked or expired.")
    if workspace and workspace != found.workspace.slug:
        raise Closed(Code.FORBIDDEN, "This API key belongs to another workspace.")
    access = Access(found.workspace.id, found.actor.role)
    return Identity(
        person=f"{found.actor.kind}:{found.actor.id}",
        workspace=found.workspace.slug,
        accesses={found.workspace.slug: access},
        scopes=found.actor.scopes,
    )


class _Sessions:
    """The sessions that this process checked a moment ago, by the hash of their key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[bytes, tuple[float, Identity]] = {}

    def identify(self, session_key: str, workspace: str) -> Identity:
        digest = hashlib.sha256(f"{session_key} {workspace}".encode(errors="replace")).digest()
        until, identity = self._found.get(digest, (0.0, None))
        if identity is not None and until > time.monotonic():
            return identity
        identity = _identify_session(session_key, workspace)
        with self._lock:
            if len(self._found) >= _MAX_REMEMBERED:
                self._found.clear()
            self._found[digest] = (time.monotonic() + REMEMBER_SECONDS, identity)
        return identity

    def clear(self) -> None:
        with self._lock:
            self._found.clear()


_remembered = _Sessions()
register_reset(_remembered.clear)


def _identify_session(session_key: str, workspace: str) -> Identity:
    store: type[SessionBase] = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    request: Any = SimpleNamespace(session=store(session_key))
    user: Any = get_user(request) if session_key else None
    if user is None or not user.is_authenticated:
        raise Closed(Code.NO_IDENTITY, "Log in, or send an API key.")
    roles = queries.read_roles(user, workspace)
    accesses = {slug: Access(id_, role) for slug, (id_, role) in roles.items()}
    if not accesses or (workspace and workspace not in accesses):
        raise Closed(Code.FORBIDDEN, "Name a workspace in which you are a member.")
    return Identity(
        person=f"{ActorKind.USER.value}:{user.pk}",
        workspace=workspace or _choose(accesses),
        accesses=accesses,
    )


def _choose(accesses: Mapping[str, Access]) -> str:
    """As in the API: the only workspace, otherwise `default`, otherwise none."""
    if len(accesses) == 1:
        return next(iter(accesses))
    return DEFAULT_WORKSPACE if DEFAULT_WORKSPACE in accesses else ""
