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
    repeats = retry_run(
        workspace_id=workspace_id,
        run_id=run,
        actor=actor,
        task_ids=tasks,
        payloads=None if payload is None else {task: dict(payload) for task in tasks},
    )
    transitions.mark_reprocessed([(old, new) for old, new in repeats.items() if old in tasks])
    return {
        letter.id: repeats[letter.task_id]
        if letter.task_id in repeats
        else Conflict(f"The retry of the workflow run {run} did not take this step up.")
        for letter in letters
    }
