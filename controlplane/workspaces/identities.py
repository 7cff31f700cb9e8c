"""The text of an API key, and who a key or a session is: found once, remembered for a moment."""

import hashlib
import hmac
import re
import secrets
import string
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

from controlplane.core.clock import now
from controlplane.core.process_state import register_reset
from controlplane.core.sql import load_sql
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import ApiKey, Workspace
from controlplane.workspaces.states import ActorKind, Role

# A revoked key is refused by every process after this long at the latest.
REMEMBER_SECONDS = 5.0
NOTE_USE_SECONDS = 60.0
_MAX_REMEMBERED = 10_000

SCHEME = "tp_"
_ID_LENGTH = 8
_ID_ALPHABET = string.digits + string.ascii_lowercase
_SECRET_BYTES = 32
_SHAPE = re.compile(rf"({SCHEME}[0-9a-z]{{{_ID_LENGTH}}})_[A-Za-z0-9_-]{{43}}")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key; `secret` is the whole key and must not be stored."""

    prefix: str
    secret: str = field(repr=False)


def make_key() -> NewKey:
    prefix = SCHEME + "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    return NewKey(prefix, f"{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}")


def prefix_of(key: str) -> str | None:
    """The part that may be shown; None if this is not a key."""
    match = _SHAPE.fullmatch(key)
    return match[1] if match else None


def hash_key(key: str) -> str:
    """SHA-256, hex: a slow hash would add nothing to 256 random bits, and cost every request."""
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Identity:
    """A key's actor, workspace and expiry."""

    key_id: UUID
    workspace: Workspace
    actor: Actor
    expires_at: datetime | None
    last_used_at: datetime | None


class KeyDirectory:
    """The keys that this process saw recently. Only hashes of keys are stored."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._found: dict[str, tuple[float, Identity]] = {}
        self._noted: dict[UUID, float] = {}

    def identify(self, key: str) -> Identity | None:
        """The identity of this key; None if it is unknown, revoked or expired."""
        prefix = prefix_of(key)
        if prefix is None:
            return None
        digest = hash_key(key)
        identity = self._remembered(digest) or self._look_up(prefix, digest)
        if identity is None or (identity.expires_at and identity.expires_at <= now()):
            return None
        self._note_use(identity)
        return identity

    def forget(self, key_id: UUID) -> None:
        """Revoke a key at once in this process."""
        with self._lock:
            self._found = {d: e for d, e in self._found.items() if e[1].key_id != key_id}

    def clear(self) -> None:
        with self._lock:
            self._found.clear()
            self._noted.clear()

    def _remembered(self, digest: str) -> Identity | None:
        until, identity = self._found.get(digest, (0.0, None))
        return identity if until > self._clock() else None

    def _look_up(self, prefix: str, digest: str) -> Identity | None:
        row = (
            ApiKey.objects.select_related("workspace")
            .filter(prefix=prefix, revoked_at__isnull=True)
            .first()
        )
        if row is None or not hmac.compare_digest(row.secret_hash, digest):
            return None
        identity = Identity(
            key_id=row.id,
            workspace=row.workspace,
            actor=Actor(
                kind=ActorKind.KEY.value,
                id=str(row.id),
                label=f"{row.name} ({row.prefix})"[:200],
                role=Role(row.role),
                scopes=frozenset(row.scopes),
                expires_at=row.expires_at,
            ),
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
        )
        with self._lock:
            if len(self._found) >= _MAX_REMEMBERED:
                self._found.clear()
            self._found[digest] = (self._clock() + REMEMBER_SECONDS, identity)
        return identity

    def _note_use(self, identity: Identity) -> None:
        """Write `last_used_at` once a minute, without waiting for the disk or for a lock."""
        at = self._clock()
        with self._lock:
            if at - self._noted.get(identity.key_id, -NOTE_USE_SECONDS) < NOTE_USE_SECONDS:
                return
            if len(self._noted) >= _MAX_REMEMBERED:
                self._noted.clear()
            self._noted[identity.key_id] = at
        with connection.cursor() as cursor:
            cursor.execute(
                load_sql("controlplane.workspaces", "note_key_use"),
                {"key": identity.key_id, "seconds": NOTE_USE_SECONDS},
            )


directory = KeyDirectory()
register_reset(directory.clear)
