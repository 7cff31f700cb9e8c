"""From letters to the tasks that repeat their work: parents replaced, refusals told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.core.errors import Conflict, DomainError, NotFound
from controlplane.workspaces.actors import Actor
from dlq import transitions
from dlq.models import DeadLetter
from dlq.services.discarding import refuse_closed
from dlq.services.steps import repeat_steps
from tasks_app.processors.retry import RetryPolicy
from tasks_app.services import ParentEdge, lock_with_parents, submit_tasks
from tasks_app.specs import TaskSpec
from tasks_app.states import ErrorCategory, ParentFailure, TaskState

_DEAD = (TaskState.FAILED, TaskState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a repetition has of its own; None takes over what the dead task had."""

    payload: Mapping[str, Any] | None = None
    max_attempts: int | None = None


@dataclass(slots=True)
class Repeated:
    """By letter: the task that repeats it, or why there is none."""

    tasks: dict[UUID, UUID] = field(default_factory=dict)
    refused: dict[UUID, DomainError] = field(default_factory=dict)


def repeat_letters(
    *, workspace_id: UUID, ids: Sequence[UUID], changes: Changes, actor: Actor
) -> Repeated:
    """Repeat these letters in the open transaction. Letters of parents come before those of the
    tasks that wait for them, whatever their order in `ids`."""
    result = Repeated()
    rows = DeadLetter.objects.filter(workspace_id=workspace_id, id__in=ids)
    letters = {letter.id: letter for letter in rows.defer("attempts").order_by("id")}
    for missing in set(ids) - set(letters):
        result.refused[missing] = NotFound(f"There is no dead letter {missing}.")
    steps = [letter for letter in letters.values() if letter.workflow_run_id is not None]
    plain = [letter for letter in letters.values() if letter.workflow_run_id is None]
    _repeat_plain(workspace_id, plain, changes, result)
    for letter, outcome in repeat_steps(
        workspace_id=workspace_id,
        letters=steps,
        payload=changes.payload,
        max_attempts=changes.max_attempts,
        actor=actor,
    ).items():
        if isinstance(outcome, DomainError):
            result.refused[letter] = outcome
        else:
            result.tasks[letter] = outcome
    transitions.name_resolver(
        [letters[letter].task_id for letter in result.tasks],
        workspace_id=workspace_id,
        by=actor.label,
    )
    return result


def _repeat_plain(
    workspace_id: UUID, letters: Sequence[DeadLetter], changes: Changes, result: Repeated
) -> None:
    """In rounds: each repeats the letters whose parents can complete, which may free others."""
    # In the order of ids, so that of a task that died several times the newest letter counts.
    waiting = {letter.task_id: letter for letter in letters}
    families = lock_with_parents(workspace_id, list(waiting))
    # After the lock of the tasks: two who repeat the same one come here one by one.
    for letter in _lock_letters([letter.id for letter in letters]):
        try:
            refuse_closed(letter)
        except Conflict as error:
            result.refused[letter.id] = error
            if waiting.get(letter.task_id) is not None and waiting[letter.task_id].id == letter.id:
                del waiting[letter.task_id]
    while waiting:
        ready: list[tuple[DeadLetter, list[UUID]]] = []
        refusals: dict[UUID, DomainError] = {}
        for task, letter in waiting.items():
            try:
                ready.append((letter, _parents(letter, families.get(task))))
            except Conflict as error:
                refusals[letter.id] = error
        if not ready:
            result.refused |= refusals
            return
        _submit(workspace_id, ready, changes, result)
        for letter, _ in ready:
            del waiting[letter.task_id]
        families = lock_with_parents(workspace_id, list(waiting)) if waiting else {}


def _lock_letters(ids: Sequence[UUID]) -> list[DeadLetter]:
    letters = DeadLetter.objects.filter(id__in=ids).defer("attempts", "payload", "error")
    return list(letters.order_by("id").select_for_update())


def _parents(letter: DeadLetter, edges: Sequence[ParentEdge] | None) -> list[UUID]:
    """What the repetition waits for, or has results of. Raises Conflict."""
    if edges is None:
        if letter.category == ErrorCategory.CANCELLED_BY_PARENT:
            raise Conflict(
                "The task was removed, and with it what it depended on: submit its work anew."
            )
        return []
    runs_anyway = letter.terms.get("onParentFailure") == ParentFailure.RUN
    return [parent for edge in edges if (parent := _parent(edge, runs_anyway)) is not None]


def _parent(edge: ParentEdge, runs_anyway: bool) -> UUID | None:
    if edge.state is None:
        if edge.is_satisfied or runs_anyway:
            return None
        raise Conflict(f"The task it depends on, {edge.parent}, was removed: submit its work anew.")
    if edge.state not in _DEAD:
        return edge.parent
    if edge.newest_state not in _DEAD or runs_anyway:
        return edge.newest
    raise Conflict(f"Reprocess the task it depends on first: {edge.newest}.")


def _submit(
    workspace_id: UUID,
    ready: Sequence[tuple[DeadLetter, list[UUID]]],
    changes: Changes,
    result: Repeated,
) -> None:
    """All in one go; when one of them is refused, each by itself."""
    specs: list[TaskSpec] = []
    letters: list[DeadLetter] = []
    for letter, parents in ready:
        specs.append(_spec(letter, parents, changes))
        letters.append(letter)
    try:
        with transaction.atomic():
            tasks = submit_tasks(workspace_id=workspace_id, specs=specs)
    except DomainError as error:
        if len(specs) == 1:
            result.refused[letters[0].id] = error
            return
        for pair in ready:
            _submit(workspace_id, [pair], changes, result)
        return
    for letter, task in zip(letters, tasks, strict=True):
        result.tasks[letter.id] = task


def _spec(letter: DeadLetter, parents: Sequence[UUID], changes: Changes) -> TaskSpec:
    terms = letter.terms
    return TaskSpec(
        type=letter.type,
        payload=letter.payload if changes.payload is None else changes.payload,
        name=letter.name,
        queue=letter.queue,
        priority=letter.priority,
        max_attempts=changes.max_attempts or terms.get("maxAttempts"),
        timeout_seconds=terms["timeoutMs"] / 1000 if "timeoutMs" in terms else None,
        depends_on=parents,
        on_parent_failure=terms.get("onParentFailure", ParentFailure.CANCEL.value),
        tags=letter.tags,
        retry=RetryPolicy.from_json(terms["retry"]) if terms.get("retry") else None,
        reprocess_of=letter.task_id,
    )
