"""Doing the work of dead letters again, with one audit event for a batch."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from controlplane.core.masking import mask_secrets
from controlplane.workspaces.actors import SUBMIT_TASKS, Actor, require_scopes
from controlplane.workspaces.services import record_audit
from dlq.discard import refuse_closed
from dlq.models import DeadLetter
from dlq.queries import get_letter
from dlq.reprocess_tasks import Changes, Reprocessed, reprocess_in_transaction
from tasks_app.failures import storable
from tasks_app.services.preparation import prepare_changes


def check_reprocessing(
    *, workspace_id: UUID, letter_id: UUID, payload: Mapping[str, Any] | None
) -> None:
    """The checks of reprocess_letter for a corrected payload. Raises NotFound, Invalid,
    TooLarge."""
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
    """Do the work of one letter again, with its own payload or a corrected one. Returns the updated
    letter. The letter keeps its payload as history; the audit log records the changes.

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
    """Reprocess as many of these letters as possible, in one transaction and with one audit
    event."""
    with transaction.atomic():
        result = reprocess_in_transaction(
            workspace_id=workspace_id, ids=ids, changes=changes, actor=actor
        )
        audit_reprocessing(workspace_id, actor, result.tasks, changes)
    return result


MAX_DIFFERENCES = 50
_MAX_NAMED = 100  # letters that an event names
# Letters whose difference an event holds when a corrected payload is given to many.
_MAX_COMPARED = 20
_MAX_COMPARED_BYTES = 64 * 1024
_MAX_SHOWN = 200
_MAX_PATH = 300
_ABSENT = object()


def audit_reprocessing(
    workspace_id: UUID, actor: Actor, tasks: Mapping[UUID, UUID], changes: Changes, **detail: Any
) -> None:
    """One event for a batch, with the first letters, their number, and how the given payload
    differs from those of the first letters."""
    if not tasks:
        return
    if changes.payload is not None:
        detail["payloads"] = _differences(tasks, changes.payload)
    record_audit(
        workspace=workspace_id,
        actor=actor,
        action="dlq.reprocess",
        target_type="dead-letter",
        target_id=str(next(iter(tasks))),
        detail={
            "count": len(tasks),
            "ids": [str(letter) for letter in list(tasks)[:_MAX_NAMED]],
            "maxAttempts": changes.max_attempts,
            "hasOwnPayload": changes.payload is not None,
            **detail,
        },
    )


def _differences(letters: Iterable[UUID], payload: Mapping[str, Any]) -> dict[str, Any]:
    """The differences of the payload by letter, for as many letters as fit."""
    first = list(islice(letters, _MAX_COMPARED))
    rows = DeadLetter.objects.filter(id__in=first).order_by("id").values_list("id", "payload")
    differences: dict[str, Any] = {}
    room = _MAX_COMPARED_BYTES
    for letter, before in rows:
        difference = diff_payloads(before, payload)
        room -= len(orjson.dumps(difference))
        if differences and room < 0:
            break
        differences[str(letter)] = difference
    return differences


def diff_payloads(before: Any, after: Any) -> dict[str, Any]:
    """`{added, removed, changed, leftOut}`: values by path; `changed` has both values.

    Values are cut, and masked where they or their key look like a credential; at most
    MAX_DIFFERENCES paths are named, and `leftOut` counts the others.
    """
    difference: dict[str, Any] = {"added": {}, "removed": {}, "changed": {}, "leftOut": 0}
    for number, (path, key, old, new) in enumerate(_walk(before, after, "", "")):
        if number >= MAX_DIFFERENCES:
            difference["leftOut"] += 1
        elif old is _ABSENT:
            difference["added"][path] = _shown(key, new)
        elif new is _ABSENT:
            difference["removed"][path] = _shown(key, old)
        else:
            difference["changed"][path] = [_shown(key, old), _shown(key, new)]
    return difference


def _walk(old: Any, new: Any, path: str, key: str) -> Iterator[tuple[str, str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            below = f"{path}.{name}" if path else name
            inner = key if _is_secret(key) else name  # what lies within a credential is one
            yield from _walk(old.get(name, _ABSENT), new.get(name, _ABSENT), below, inner)
    elif isinstance(old, list) and isinstance(new, list):
        for at in range(max(len(old), len(new))):
            before, after = (items[at] if at < len(items) else _ABSENT for items in (old, new))
            yield from _walk(before, after, f"{path}[{at}]", key)
    elif type(old) is not type(new) or old != new:
        yield storable(path[:_MAX_PATH]), key, old, new


def _shown(key: str, value: Any) -> str:
    if _is_secret(key):
        return "***"
    text = orjson.dumps(value).decode() if not isinstance(value, str) else value
    return storable(mask_secrets(text)[:_MAX_SHOWN])


def _is_secret(key: str) -> bool:
    return mask_secrets(f"{key}=x") != f"{key}=x"
