"""The first answer to a creating call, which the same key gives again for a day."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connections

from controlplane.core.clock import now as utc_now
from controlplane.core.errors import Conflict, Invalid
from tasks_app.models import IdempotencyKey

IDEMPOTENCY_LIFE = timedelta(hours=24)
_MAX_KEY = 255


def store_or_get_response(
    *,
    workspace_id: UUID,
    key: str,
    body_hash: bytes,
    answer: Mapping[str, Any],
    using: str = "default",
) -> dict[str, Any] | None:
    """None when the key is now the caller's, with this answer; else what it answered first.

    Call it in the transaction that makes what the answer names. A concurrent holder of the key is
    waited for by the unique index. Raises Conflict when the key was used with another body,
    Invalid for a key that cannot be kept.
    """
    if not 0 < len(key) <= _MAX_KEY or "\x00" in key:
        message = f"1 to {_MAX_KEY} characters, without NUL."
        raise Invalid(errors=[{"field": "idempotencyKey", "message": message}])
    now = utc_now()
    with connections[using].cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO tasks_app_idempotencykey AS k
                (workspace_id, key, body_hash, answer, created_at, expires_at)
            VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (workspace_id, key) DO UPDATE
                SET body_hash = EXCLUDED.body_hash, answer = EXCLUDED.answer,
                    created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at
                WHERE k.expires_at < EXCLUDED.created_at
            RETURNING id
            """,
            [
                workspace_id,
                key,
                body_hash,
                orjson.dumps(answer, default=str).decode(),
                now,
                now + IDEMPOTENCY_LIFE,
            ],
        )
        if cursor.fetchone() is not None:
            return None
    used = IdempotencyKey.objects.using(using).get(workspace_id=workspace_id, key=key)
    if bytes(used.body_hash) != body_hash:
        raise Conflict(
            f"The idempotency key {key!r} was used within 24 hours with another body. "
            "Send the same body again, or use a new key."
        )
    found: dict[str, Any] = used.answer
    return found


def hash_body(*parts: Any) -> bytes:
    """SHA-256 of what is asked, for telling a repetition from another body."""
    text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(text).digest()
