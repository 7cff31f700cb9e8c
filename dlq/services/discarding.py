"""Closing letters without doing their work."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from controlplane.core.errors import Conflict, FieldError, Invalid
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from dlq import transitions
from dlq.models import DeadLetter
from dlq.selectors import get_letter
from dlq.states import LetterStatus

LONGEST_REASON = 2_000
_MOST_NAMED = 100


def discard_letter(*, workspace_id: UUID, letter_id: UUID, reason: str, actor: Actor) -> DeadLetter:
    """Close a letter, with the reason for the record.

    Raises NotFound, Conflict when it is no longer open, Invalid without a reason.
    """
    if not discard_letters(workspace_id=workspace_id, ids=[letter_id], reason=reason, actor=actor):
        refuse_closed(get_letter(workspace_id, letter_id))
    return get_letter(workspace_id, letter_id)


@transaction.atomic
def discard_letters(
    *, workspace_id: UUID, ids: Sequence[UUID], reason: str, actor: Actor
) -> list[UUID]:
    """Discard those of these letters that are open; those that were. Raises Invalid."""
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
                "ids": [str(letter) for letter in done[:_MOST_NAMED]],
            },
        )
    return done


def check_reason(reason: str) -> str:
    """The reason without space around it. Raises Invalid."""
    text = reason.strip() if isinstance(reason, str) else ""
    if not 0 < len(text) <= LONGEST_REASON or "\x00" in text:
        message = f"A reason of 1 to {LONGEST_REASON} characters, without NUL."
        raise Invalid(errors=[FieldError(field="reason", message=message)])
    return text


def refuse_closed(letter: DeadLetter) -> None:
    """Raises Conflict that says what became of a letter that is no longer open."""
    if (error := why_closed(letter)) is not None:
        raise error


def why_closed(letter: DeadLetter) -> Conflict | None:
    """What became of a letter that is no longer open; None for one that is."""
    if letter.status == LetterStatus.OPEN:
        return None
    by = f" by {letter.resolved_by}" if letter.resolved_by else ""
    if letter.status == LetterStatus.REPROCESSED:
        return Conflict(
            f"This letter was reprocessed{by}: the task {letter.reprocessed_task_id} repeats its "
            "work."
        )
    return Conflict(f"This letter was discarded{by}: {letter.discard_reason}")
