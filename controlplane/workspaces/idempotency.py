"""A creating call that is repeated with the same key has an effect only once.

The row of a key is written in the transaction of the call: the key is stored only if that is
committed, and a second call with the key waits, at the unique index, until the first has ended.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connections, transaction

from controlplane.core.clock import now as utc_now
from controlplane.core.errors import Conflict, FieldError, Invalid

IDEMPOTENCY_LIFE = timedelta(hours=24)
HEADER = "Idempotency-Key"
MAX_KEY_LENGTH = 255
_TABLE = "tasks_app_idempotencykey"


def run_once(
    make: Callable[[], UUID], *, workspace_id: UUID, key: str | None, asked: Sequence[Any]
) -> tuple[UUID, bool]:
    """The id of what `make` made, and whether that was now: a key that was used for the same
    `asked` gives the first id again. The key and what is made are committed together.

    Raises Conflict when the key was used for something else, Invalid for a key that cannot be kept.
    """
    if key is None:
        return make(), True
    with transaction.atomic():
        first = store_or_get_response(
            workspace_id=workspace_id, key=key, body_hash=hash_body(*asked), answer={}
        )
        if first is not None:
            return _read_id(first, key), False
        made = make()
        _replace_answer(workspace_id, key, {"id": made})
        return made, True


def _read_id(first: Mapping[str, Any], key: str) -> UUID:
    if "id" not in first:  # kept by a version before 1.0, whose answers had other forms
        raise Conflict(
            f"The idempotency key {key!r} was used before an upgrade, and its first answer cannot "
            "be read any more. Check whether the call took effect, then use a new key."
        )
    return UUID(first["id"])


def resolve_idempotency_key(header: str | None, field: str | None) -> str | None:
    """The idempotency key of a call: that of the header or that of the body. Raises Invalid."""
    if header is not None and field is not None and header != field:
        message = "The header Idempotency-Key names another key: send one of them."
        raise Invalid(errors=[FieldError(field="idempotencyKey", message=message)])
    key = header if header is not None else field
    return None if key is None else _checked(key)


def store_or_get_response(
    *,
    workspace_id: UUID,
    key: str,
    body_hash: bytes,
    answer: Mapping[str, Any],
    using: str = "default",
) -> dict[str, Any] | None:
    """None if the key is new, and now stored with this answer; otherwise its first answer. Call it
    in the transaction that creates the object in the answer. The unique index waits for a
    concurrent call with the same key. Raises Conflict when the key was used with another body,
    Invalid for a key that cannot be kept.
    """
    now = utc_now()
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {_TABLE} AS k
                (workspace_id, key, body_hash, answer, created_at, expires_at)
            VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (workspace_id, key) DO UPDATE
                SET body_hash = EXCLUDED.body_hash, answer = EXCLUDED.answer,
                    created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at
                WHERE k.expires_at < EXCLUDED.created_at
            RETURNING id
            """,  # noqa: S608 - a constant
            [workspace_id, _checked(key), body_hash, _json(answer), now, now + IDEMPOTENCY_LIFE],
        )
        if cursor.fetchone() is not None:
            return None
        cursor.execute(
            f"SELECT body_hash, answer FROM {_TABLE} WHERE workspace_id = %s AND key = %s",  # noqa: S608 - a constant
            [workspace_id, key],
        )
        used_hash, first = cursor.fetchone()
    if bytes(used_hash) != body_hash:
        raise Conflict(
            f"The idempotency key {key!r} was used within 24 hours with another body. "
            "Send the same body again, or use a new key."
        )
    found: dict[str, Any] = orjson.loads(first) if isinstance(first, str | bytes) else first
    return found


def _replace_answer(workspace_id: UUID, key: str, answer: Mapping[str, Any]) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            f"UPDATE {_TABLE} SET answer = %s WHERE workspace_id = %s AND key = %s",  # noqa: S608 - a constant
            [_json(answer), workspace_id, key],
        )


def hash_body(*parts: Any) -> bytes:
    """SHA-256 of the request, to distinguish a repetition from another body."""
    text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(text).digest()


def _checked(key: str) -> str:
    if not 0 < len(key) <= MAX_KEY_LENGTH or "\x00" in key:
        message = f"1 to {MAX_KEY_LENGTH} characters, without NUL."
        raise Invalid(errors=[FieldError(field="idempotencyKey", message=message)])
    return key


def _json(answer: Mapping[str, Any]) -> str:
    return orjson.dumps(answer, default=str).decode()
