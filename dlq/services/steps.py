"""Letters of workflow steps: their runs are retried, since a step by itself goes nowhere."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.core.errors import Conflict, DomainError, FieldError, Invalid
from controlplane.workspaces.actors import Actor
from dlq import transitions
from dlq.models import DeadLetter
from dlq.services.discarding import refuse_closed


def repeat_steps(
    *,
    workspace_id: UUID,
    letters: Sequence[DeadLetter],
    payload: Mapping[str, Any] | None,
    max_attempts: int | None,
    actor: Actor,
) -> dict[UUID, UUID | DomainError]:
    """Retry each run once, from the steps of these letters; by letter the task that repeats it,
    or why its run was not retried."""
    outcomes: dict[UUID, UUID | DomainError] = {}
    for run, several in groupby(
        sorted(letters, key=lambda letter: (str(letter.workflow_run_id), letter.id)),
        key=lambda letter: letter.workflow_run_id,
    ):
        group = list(several)
        try:
            with transaction.atomic():
                if run is not None:
                    outcomes |= _retry(workspace_id, run, group, payload, max_attempts, actor)
        except DomainError as error:
            outcomes |= {letter.id: error for letter in group}
    return outcomes


def _retry(
    workspace_id: UUID,
    run: UUID,
    letters: Sequence[DeadLetter],
    payload: Mapping[str, Any] | None,
    max_attempts: int | None,
    actor: Actor,
) -> dict[UUID, UUID | DomainError]:
    # The app below is imported on use: its services know processors that may not be loaded yet.
    from workflows.services import retry_run

    if max_attempts is not None:
        message = "The attempts of a workflow's step are set by its definition."
        raise Invalid(errors=[FieldError(field="maxAttempts", message=message)])
    for letter in letters:
        refuse_closed(letter)
    tasks = [letter.task_id for letter in letters]
    # A single step that is not repeated refuses the retry; of several it must not keep the others.
    named = tasks if len(tasks) == 1 else None
    repeats = retry_run(
        workspace_id=workspace_id,
        run_id=run,
        actor=actor,
        task_ids=named,
        payloads=None if payload is None else {task: dict(payload) for task in tasks},
    )
    outcomes: dict[UUID, UUID | DomainError] = {
        letter.id: repeats.get(letter.task_id, _left_out(run)) for letter in letters
    }
    if all(isinstance(outcome, DomainError) for outcome in outcomes.values()):
        raise _left_out(run)
    # The retry repeats every broken step of the run, and so closes their letters too.
    transitions.name_resolver(list(repeats), workspace_id=workspace_id, by=actor.label)
    return outcomes


def _left_out(run: UUID) -> DomainError:
    return Conflict(f"A retry of the workflow run {run} does not repeat this task.")
