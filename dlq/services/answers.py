"""A reprocessing that is asked for twice under one idempotency key is done once."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.workspaces.actors import Actor
from controlplane.workspaces.rights import SUBMIT_TASKS, require_scopes
from dlq.models import DeadLetter
from dlq.selectors import get_letter
from dlq.services.reprocessing import reprocess_letter
from tasks_app.services import hash_body, store_or_get_response


def reprocess_letter_once(
    *,
    workspace_id: UUID,
    letter_id: UUID,
    actor: Actor,
    payload: Mapping[str, Any] | None = None,
    max_attempts: int | None = None,
    key: str | None = None,
) -> tuple[DeadLetter, bool]:
    """The letter, and whether this call had it reprocessed: not when the key did before.

    Raises what `reprocess_letter` raises, and Conflict for a key used with another body.
    """
    require_scopes(actor, SUBMIT_TASKS)
    with transaction.atomic():
        if key is not None:
            get_letter(workspace_id, letter_id)
            asked = hash_body("dlq.reprocess", str(letter_id), payload, max_attempts)
            answer = {"letterId": str(letter_id)}
            if store_or_get_response(
                workspace_id=workspace_id, key=key, body_hash=asked, answer=answer
            ):
                return get_letter(workspace_id, letter_id), False
        letter = reprocess_letter(
            workspace_id=workspace_id,
            letter_id=letter_id,
            actor=actor,
            payload=payload,
            max_attempts=max_attempts,
        )
    return letter, True
