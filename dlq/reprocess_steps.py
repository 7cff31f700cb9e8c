"""Letters of workflow steps: their runs are retried, since a step alone cannot go on."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.core.errors import Conflict, DomainError, FieldError, Invalid
from controlplane.workspaces.actors import Actor
from dlq.discard import describe_closed
from dlq.models import DeadLetter
from dlq.states import LetterStatus
from workflows.runs import retry_run

_ADVICE = (
    "If the run needs this step no more, discard the letter; its work can be submitted as a task "
    "of its own."
)


def reprocess_steps(
    *,
    workspace_id: UUID,
    letters: Sequence[DeadLetter],
    payload: Mapping[str, Any] | None,
    max_attempts: int | None,
    actor: Actor,
) -> dict[UUID, UUID | DomainError]:
    """Retry each run once, from the steps of these letters; by letter the task that does its work
    again, or why its run was not retried."""
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
    """Retry one run; every task whose work is done again, and the new task."""
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
    """How those were resolved that are no longer open."""
    return {
        letter.id: error for letter in letters if (error := describe_closed(letter)) is not None
    }


def _discarded_since(letters: Sequence[DeadLetter]) -> dict[UUID, UUID | DomainError]:
    """The letters of a run just retried that somebody discarded since they were read. Raises
    Conflict when all were: then the run is left as it was."""
    ids = [letter.id for letter in letters]
    lost = _closed(DeadLetter.objects.filter(id__in=ids, status=LetterStatus.DISCARDED))
    if len(lost) == len(letters):
        raise next(error for error in lost.values() if isinstance(error, DomainError))
    return lost


def _left_out(run: UUID | None) -> DomainError:
    return Conflict(f"A retry of the workflow run {run} does not include this task. {_ADVICE}")
