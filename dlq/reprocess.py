"""Doing the work of dead letters again: as new tasks that name the old ones."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.workspaces.actors import SUBMIT_TASKS, Actor, require_scopes
from controlplane.workspaces.services import record_audit
from dlq.discard import refuse_closed
from dlq.models import DeadLetter
from dlq.queries import get_letter
from dlq.reprocess_audit import audit_reprocessing, diff_payloads
from dlq.reprocess_tasks import Changes, Reprocessed, reprocess_in_transaction
from tasks_app.services.preparation import prepare_changes


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
    """Do the work of one letter again, with its own payload or a corrected one; the letter after.

    The letter keeps its payload as history; the audit log has what was changed.

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
        result = reprocess_in_transaction(
            workspace_id=workspace_id, ids=[letter_id], changes=changes, actor=actor
        )
        for error in result.refused.values():
            raise error
        record_audit(
            workspace=workspace_id,
            actor=actor,
            action="dlq.reprocess",
            target_type="dead-letter",
            target_id=str(letter_id),
            detail={
                "taskId": str(before.task_id),
                "newTaskId": str(result.tasks[letter_id]),
                "maxAttempts": max_attempts,
                **({} if payload is None else {"payload": diff_payloads(before.payload, payload)}),
            },
        )
        return get_letter(workspace_id, letter_id)


def reprocess_letters(
    *, workspace_id: UUID, ids: list[UUID], changes: Changes, actor: Actor
) -> Reprocessed:
    """Reprocess those of these letters that can be, in one transaction and with one audit event."""
    with transaction.atomic():
        result = reprocess_in_transaction(
            workspace_id=workspace_id, ids=ids, changes=changes, actor=actor
        )
        audit_reprocessing(workspace_id, actor, result.tasks, changes)
    return result
