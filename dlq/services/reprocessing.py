"""Doing the work of dead letters once more: as new tasks that name the old ones."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from controlplane.core.errors import DomainError
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.rights import SUBMIT_TASKS, require_scopes
from controlplane.workspaces.services import record_audit
from dlq.models import DeadLetter
from dlq.payloads import diff_payloads
from dlq.selectors import get_letter
from dlq.services.discarding import refuse_closed
from dlq.services.repeating import Changes, repeat_letters
from tasks_app.services.preparation import prepare_changes

# Of a batch with a corrected payload: letters whose difference its audit event tells.
_MOST_COMPARED = 20
_MOST_COMPARED_BYTES = 64 * 1024


def check_reprocessing(
    *, workspace_id: UUID, letter_id: UUID, payload: Mapping[str, Any] | None
) -> None:
    """What reprocess_letter checks of a corrected payload. Raises NotFound, Invalid, TooLarge."""
    letter = get_letter(workspace_id, letter_id)
    if payload is not None:
        prepare_changes({"payload": payload}, type_name=letter.type)


def reprocess_letter(
    *,
    workspace_id: UUID,
    letter_id: UUID,
    actor: Actor,
    payload: Mapping[str, Any] | None = None,
    max_attempts: int | None = None,
) -> DeadLetter:
    """Repeat the work of one letter, with its own payload or a corrected one; the letter after.

    The letter keeps its payload as history; what was changed is in the audit log.

    Raises:
        NotFound: the workspace has no such letter.
        Forbidden: the actor's key may not submit tasks, or not run the letter's workflow.
        Conflict: it is no longer open, or a task that it depends on must be reprocessed first.
        Invalid: the payload breaks the schema of the type, or the type is gone.
        TooLarge: the payload is over its limit.
    """
    require_scopes(actor, SUBMIT_TASKS)
    changes = Changes(payload=payload, max_attempts=max_attempts)
    with transaction.atomic():
        before = get_letter(workspace_id, letter_id)
        refuse_closed(before)
        done = repeat_letters(
            workspace_id=workspace_id, ids=[letter_id], changes=changes, actor=actor
        )
        for error in done.refused.values():
            raise error
        task = done.tasks[letter_id]
        record_audit(
            workspace=workspace_id,
            actor=actor,
            action="dlq.reprocess",
            target_type="dead-letter",
            target_id=str(letter_id),
            detail={
                "taskId": str(before.task_id),
                "newTaskId": str(task),
                "maxAttempts": max_attempts,
                **({} if payload is None else {"payload": diff_payloads(before.payload, payload)}),
            },
        )
        return get_letter(workspace_id, letter_id)


def reprocess_letters(
    *, workspace_id: UUID, ids: list[UUID], changes: Changes, actor: Actor
) -> tuple[dict[UUID, UUID], dict[UUID, DomainError]]:
    """Repeat those of these letters that can be, in one transaction and with one audit event: the
    tasks that repeat them, and why the others were refused."""
    with transaction.atomic():
        done = repeat_letters(workspace_id=workspace_id, ids=ids, changes=changes, actor=actor)
        audit_batch(workspace_id, actor, done.tasks, changes)
    return done.tasks, done.refused


def audit_batch(
    workspace_id: UUID, actor: Actor, tasks: Mapping[UUID, UUID], changes: Changes, **detail: Any
) -> None:
    """One event for a batch; it names the first hundred letters and their number, and says how the
    given payload differs from those of the first of them."""
    if not tasks:
        return
    first = next(iter(tasks))
    record_audit(
        workspace=workspace_id,
        actor=actor,
        action="dlq.reprocess",
        target_type="dead-letter",
        target_id=str(first),
        detail={
            **detail,
            "count": len(tasks),
            "ids": [str(letter) for letter in list(tasks)[:100]],
            "maxAttempts": changes.max_attempts,
            "hasOwnPayload": changes.payload is not None,
            **(
                {}
                if changes.payload is None
                else {"payloads": _differences(tasks, changes.payload)}
            ),
        },
    )


def _differences(letters: Iterable[UUID], payload: Mapping[str, Any]) -> dict[str, Any]:
    """By letter how the payload differs from its own: as many letters as have room."""
    first = list(islice(letters, _MOST_COMPARED))
    rows = DeadLetter.objects.filter(id__in=first).order_by("id").values_list("id", "payload")
    found: dict[str, Any] = {}
    left = _MOST_COMPARED_BYTES
    for letter, before in rows:
        difference = diff_payloads(before, payload)
        left -= len(orjson.dumps(difference))
        if found and left < 0:
            break
        found[str(letter)] = difference
    return found
