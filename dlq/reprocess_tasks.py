"""From letters to the tasks that do their work again: parents replaced, refusals explained. For
the letter of a workflow step its run is retried, since a step alone cannot go on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.core.errors import Conflict, DomainError, FieldError, Invalid, NotFound
from controlplane.workspaces.actors import Actor
from dlq.discard import describe_closed
from dlq.models import DeadLetter
from dlq.states import LetterStatus
from tasks_app.processors.retry import RetryPolicy
from tasks_app.services import ParentEdge, lock_with_parents, submit_tasks
from tasks_app.specs import TaskSpec
from tasks_app.states import ErrorCategory, ParentFailure, TaskState

_DEAD = (TaskState.FAILED, TaskState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Changes:
    """Values of the new task; None takes over the value of the dead task."""

    payload: Mapping[str, Any] | None = None
    max_attempts: int | None = None


@dataclass(slots=True)
class Reprocessed:
    """By letter, the task that does its work again, or why there is none."""

    tasks: dict[UUID, UUID] = field(default_factory=dict)
    refused: dict[UUID, DomainError] = field(default_factory=dict)


def reprocess_in_transaction(
    *, workspace_id: UUID, ids: Sequence[UUID], changes: Changes, actor: Actor
) -> Reprocessed:
    """Submit the work of these letters again in the open transaction. Letters of parents come
    before those of the tasks that wait for them, whatever their order in `ids`."""
    result = Reprocessed()
    rows = DeadLetter.objects.filter(workspace_id=workspace_id, id__in=ids)
    letters = {letter.id: letter for letter in rows.defer("attempts").order_by("id")}
    for missing in set(ids) - set(letters):
        result.refused[missing] = NotFound(f"There is no dead letter {missing}.")
    steps = [letter for letter in letters.values() if letter.workflow_run_id is not None]
    plain = [letter for letter in letters.values() if letter.workflow_run_id is None]
    _reprocess_plain(_Submission(workspace_id, changes, actor, result), plain)
    for letter, outcome in reprocess_steps(
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
    return result


@dataclass(frozen=True, slots=True)
class _Submission:
    workspace_id: UUID
    changes: Changes
    actor: Actor
    result: Reprocessed


def _reprocess_plain(submission: _Submission, letters: Sequence[DeadLetter]) -> None:
    """Works in rounds: each submits the letters whose parents can complete, which may unblock
    others."""
    result = submission.result
    # In the order of ids, so that the newest letter of a task that died several times counts.
    waiting = {letter.task_id: letter for letter in letters}
    edges = lock_with_parents(submission.workspace_id, list(waiting))
    # After the lock of the tasks: two who reprocess the same letter come here one by one.
    for letter in _lock_letters([letter.id for letter in letters]):
        if (closed := describe_closed(letter)) is not None:
            result.refused[letter.id] = closed
            if waiting.get(letter.task_id) is not None and waiting[letter.task_id].id == letter.id:
                del waiting[letter.task_id]
    while waiting:
        ready: list[tuple[DeadLetter, list[UUID]]] = []
        refusals: dict[UUID, DomainError] = {}
        for task, letter in waiting.items():
            try:
                ready.append((letter, _parents(letter, edges.get(task))))
            except Conflict as error:
                refusals[letter.id] = error
        if not ready:
            result.refused |= refusals
            return
        _submit(submission, ready)
        for letter, _ in ready:
            del waiting[letter.task_id]
        edges = lock_with_parents(submission.workspace_id, list(waiting)) if waiting else {}


def _lock_letters(ids: Sequence[UUID]) -> list[DeadLetter]:
    letters = DeadLetter.objects.filter(id__in=ids).defer("attempts", "payload", "error")
    return list(letters.order_by("id").select_for_update())


def _parents(letter: DeadLetter, edges: Sequence[ParentEdge] | None) -> list[UUID]:
    """The tasks that the new task waits for, or has results of. Raises Conflict."""
    if edges is None:
        if letter.category == ErrorCategory.CANCELLED_BY_PARENT:
            raise Conflict(
                "The task was removed together with its dependencies: submit its work as a new "
                "task."
            )
        return []
    runs_anyway = letter.task_options.get("onParentFailure") == ParentFailure.RUN
    return [parent for edge in edges if (parent := _parent(edge, runs_anyway)) is not None]


def _parent(edge: ParentEdge, runs_anyway: bool) -> UUID | None:
    if edge.state is None:
        if edge.is_satisfied or runs_anyway:
            return None
        raise Conflict(
            f"The task it depends on, {edge.parent}, was removed: submit its work as a new task."
        )
    if edge.state not in _DEAD:
        return edge.parent
    if edge.newest_state not in _DEAD or runs_anyway:
        return edge.newest
    raise Conflict(f"Reprocess the task it depends on first: {edge.newest}.")


def _submit(submission: _Submission, ready: Sequence[tuple[DeadLetter, list[UUID]]]) -> None:
    """Submit all at once; if one is refused, submit each by itself."""
    specs = [_spec(letter, parents, submission.changes) for letter, parents in ready]
    try:
        with transaction.atomic():
            tasks = submit_tasks(
                workspace_id=submission.workspace_id,
                specs=specs,
                by=submission.actor.label,
                submitter=submission.actor.as_submitter,
            )
    except DomainError as error:
        if len(specs) == 1:
            submission.result.refused[ready[0][0].id] = error
            return
        for pair in ready:
            _submit(submission, [pair])
        return
    for (letter, _), task in zip(ready, tasks, strict=True):
        submission.result.tasks[letter.id] = task


def _spec(letter: DeadLetter, parents: Sequence[UUID], changes: Changes) -> TaskSpec:
    options = letter.task_options
    return TaskSpec(
        type=letter.type,
        payload=letter.payload if changes.payload is None else changes.payload,
        name=letter.name,
        queue=letter.queue,
        priority=letter.priority,
        max_attempts=changes.max_attempts or options.get("maxAttempts"),
        timeout_seconds=options["timeoutMs"] / 1000 if "timeoutMs" in options else None,
        depends_on=parents,
        on_parent_failure=options.get("onParentFailure", ParentFailure.CANCEL.value),
        tags=letter.tags,
        retry=RetryPolicy.from_json(options["retry"]) if options.get("retry") else None,
        reprocess_of=letter.task_id,
    )


_ADVICE = (
    "If the run no longer needs this step, discard the letter; its work can be submitted as a "
    "separate task."
)


def reprocess_steps(
    *,
    workspace_id: UUID,
    letters: Sequence[DeadLetter],
    payload: Mapping[str, Any] | None,
    max_attempts: int | None,
    actor: Actor,
) -> dict[UUID, UUID | DomainError]:
    """Retry each run once, from the steps of these letters. Returns by letter the task that does
    its work again, or why its run was not retried."""
    outcomes: dict[UUID, UUID | DomainError] = _closed(letters)
    new_tasks: dict[UUID, UUID] = {}
    still_open = [letter for letter in letters if letter.id not in outcomes]
    by_run = sorted(still_open, key=lambda letter: (str(letter.workflow_run_id), letter.id))
    for run, several in groupby(by_run, key=lambda letter: letter.workflow_run_id):
        # Runs below the same run are retried together with it.
        group = [letter for letter in several if letter.task_id not in new_tasks]
        if run is None or not group:
            continue
        try:
            with transaction.atomic():
                retried = _retry(workspace_id, run, group, payload, max_attempts, actor)
                outcomes |= _discarded_since(group)
                new_tasks |= retried
        except DomainError as error:
            outcomes |= {letter.id: error for letter in group}
    for letter in letters:
        if letter.id not in outcomes:
            outcomes[letter.id] = new_tasks.get(letter.task_id, _left_out(letter.workflow_run_id))
    return outcomes


def _retry(
    workspace_id: UUID,
    run: UUID,
    letters: Sequence[DeadLetter],
    payload: Mapping[str, Any] | None,
    max_attempts: int | None,
    actor: Actor,
) -> dict[UUID, UUID]:
    """Retry one run. Returns every task whose work is done again, with the new task."""
    # A run's retry takes the workflow language along, which most commands do not need.
    from workflows.runs import retry_run

    if max_attempts is not None:
        message = "The attempts of a workflow's step are set by its definition."
        raise Invalid(errors=[FieldError(field="maxAttempts", message=message)])
    tasks = [letter.task_id for letter in letters]
    # A single step that is not retried refuses the retry; one of several must not.
    named = tasks if len(tasks) == 1 else None
    try:
        # The retry takes every broken step of the run, and so closes their letters too.
        new_tasks = retry_run(
            workspace_id=workspace_id,
            run_id=run,
            actor=actor,
            task_ids=named,
            payloads=None if payload is None else {task: dict(payload) for task in tasks},
        )
    except Conflict as error:
        raise Conflict(f"{error.detail} {_ADVICE}") from error
    if not any(task in new_tasks for task in tasks):
        raise _left_out(run)
    return new_tasks


def _closed(letters: Iterable[DeadLetter]) -> dict[UUID, UUID | DomainError]:
    """How the letters that are no longer open were resolved."""
    return {
        letter.id: error for letter in letters if (error := describe_closed(letter)) is not None
    }


def _discarded_since(letters: Sequence[DeadLetter]) -> dict[UUID, UUID | DomainError]:
    """The letters of a retried run that somebody discarded after they were read. Raises Conflict if
    all were: then the run is left unchanged."""
    ids = [letter.id for letter in letters]
    lost = _closed(DeadLetter.objects.filter(id__in=ids, status=LetterStatus.DISCARDED))
    if len(lost) == len(letters):
        raise next(error for error in lost.values() if isinstance(error, DomainError))
    return lost


def _left_out(run: UUID | None) -> DomainError:
    return Conflict(f"A retry of the workflow run {run} does not include this task. {_ADVICE}")
