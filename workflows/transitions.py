"""The only writer of the states of runs and steps.

Every function is one guarded write inside the caller's transaction, which holds the lock of the
run's row: rows that are missing in a result had changed before.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from controlplane.core.clock import now
from controlplane.core.jsonb import dump_jsonb
from controlplane.core.sql import load_sql
from workflows.models import RunStep, WorkflowRun
from workflows.states import ENDED_STEPS, OPEN_STEPS, RunState, StepState

_OPEN = sorted(state.value for state in OPEN_STEPS)
_ENDED = sorted(state.value for state in ENDED_STEPS)
_BATCH = 1_000


def insert_run(run: WorkflowRun, steps: Sequence[RunStep]) -> None:
    """A new run with all its steps, none of which has started."""
    run.save(force_insert=True)
    RunStep.objects.bulk_create(steps, batch_size=_BATCH)


def start_steps(run_id: UUID, rows: Sequence[dict[str, Any]]) -> None:
    """PENDING → RUNNING or WAITING; also FAILED, CANCELLED → RUNNING, by a retry, and WAITING →
    RUNNING or WAITING, by a worker to which the step's expressions were left.

    A row has the key, the state, and what it waits for: task_ids, join_id, child_run_id,
    wait_until, reason.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("workflows", "start_steps"),
            {"run": run_id, "rows": dump_jsonb(list(rows)).decode(), "at": now()},
        )


def end_steps(run_id: UUID, rows: Sequence[dict[str, Any]]) -> list[str]:
    """PENDING, RUNNING, WAITING → COMPLETED, FAILED, SKIPPED, CANCELLED. Returns the keys that
    changed.

    A row: key, state, and reason, error, result, result_bytes, decided_by as far as they apply.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("workflows", "end_steps"),
            {"run": run_id, "rows": dump_jsonb(list(rows)).decode(), "at": now()},
        )
        return [key for (key,) in cursor.fetchall()]


def cancel_pending(run_id: UUID, reason: dict[str, Any]) -> int:
    """PENDING → CANCELLED for every step of a run that stops. Returns how many there were."""
    return RunStep.objects.filter(run_id=run_id, state=StepState.PENDING).update(
        state=StepState.CANCELLED, reason=reason, finished_at=now()
    )


def release_dependents(run_id: UUID, ended: dict[str, int]) -> list[str]:
    """Decrement the counters of these PENDING steps by the number of their ended parents. Returns
    those that no longer wait for any."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("workflows", "release_steps"),
            {"run": run_id, "keys": list(ended), "counts": list(ended.values())},
        )
        return [key for (key,) in cursor.fetchall()]


def end_run(run_id: UUID, state: RunState, *, steps_ended: int) -> bool:
    """RUNNING → an end."""
    return (
        WorkflowRun.objects.filter(id=run_id, state=RunState.RUNNING).update(
            state=state, steps_ended=steps_ended, finished_at=now()
        )
        == 1
    )


def reopen_run(run_id: UUID, *, steps_ended: int) -> bool:
    """FAILED, CANCELLED → RUNNING, by a retry."""
    return (
        WorkflowRun.objects.filter(
            id=run_id, state__in=[RunState.FAILED.value, RunState.CANCELLED.value]
        ).update(
            state=RunState.RUNNING,
            steps_ended=steps_ended,
            error=None,
            cancel_requested_at=None,
            finished_at=None,
        )
        == 1
    )


def reopen_steps(run_id: UUID, waits_for: dict[str, int]) -> None:
    """FAILED, CANCELLED, SKIPPED → PENDING, by a retry, each with the number of steps it waits
    for."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("workflows", "reopen_steps"),
            {"run": run_id, "keys": list(waits_for), "counts": list(waits_for.values())},
        )
