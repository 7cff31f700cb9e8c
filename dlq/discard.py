"""Closing letters without doing their work."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from controlplane.core.errors import Conflict, FieldError, Invalid
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from dlq import transitions
from dlq.models import DeadLetter
from dlq.queries import get_letter
from dlq.states import LetterStatus

MAX_REASON = 2_000
_MAX_NAMED = 100  # letters that an audit event names


def discard_letter(*, workspace_id: UUID, letter_id: UUID, reason: str, actor: Actor) -> DeadLetter:
    """Close a letter and record the reason. Raises NotFound, Conflict if it is no longer open,
    Invalid without a reason.
    """
    if not discard_letters(workspace_id=workspace_id, ids=[letter_id], reason=reason, actor=actor):
        refuse_closed(get_letter(workspace_id, letter_id))
    return get_letter(workspace_id, letter_id)


@transaction.atomic
def discard_letters(
    *, workspace_id: UUID, ids: Sequence[UUID], reason: str, actor: Actor
) -> list[UUID]:
    """Discard the open letters among these. Returns those that changed. Raises Invalid."""
    text = check_reason(reason)
    done = transitions.discard_open(ids, workspace_id=workspace_id, reason=text, by=actor.label)
    if done:
        record_audit(
            workspace=workspace_id,
            actor=actor,
            action="dlq.discard",
            target_type="dead-letter",
            target_id=str(done[0]),
            detail={
                "reason": text,
                "count": len(done),
                "ids": [str(letter) for letter in done[:_MAX_NAMED]],
            },
        )
    return done


def check_reason(reason: str) -> str:
    """The reason without space around it. Raises Invalid."""
    text = reason.strip() if isinstance(reason, str) else ""
    if not 0 < len(text) <= MAX_REASON or "\x00" in text:
        message = f"Give a reason of 1 to {MAX_REASON} characters, without NUL."
        raise Invalid(errors=[FieldError(field="reason", message=message)])
    return text


def refuse_closed(letter: DeadLetter) -> None:
    """Raises Conflict for a letter that is no longer open."""
    if (error := describe_closed(letter)) is not None:
        raise error


def describe_closed(letter: DeadLetter) -> Conflict | None:
    """How a letter was resolved; None for an open one."""
    if letter.status == LetterStatus.OPEN:
        return None
    by = f" by {letter.resolved_by}" if letter.resolved_by else ""
    if letter.status == LetterStatus.REPROCESSED:
        return Conflict(
            f"This letter was reprocessed{by}: the task {letter.reprocessed_task_id} does its work "
            "again."
        )
    return Conflict(f"This letter was discarded{by}: {letter.discard_reason}")
