"""Letters are written in the transaction in which their tasks end: both exist or neither."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction

from controlplane.core.clock import now, utc_z
from controlplane.core.ids import uuid7
from controlplane.core.sql import load_sql
from dlq import transitions
from dlq.fingerprints import fingerprint
from dlq.grouping import count_in_groups
from dlq.models import DeadLetter
from dlq.queries.deaths import (
    DeadTask,
    DeadTaskAttempt,
    describe_dead_tasks,
    list_dead_task_attempts,
)
from dlq.transitions import GroupChange, NewLetter
from tasks_app.states import ErrorCategory

# The attempts that a letter keeps: the first show how it began and the last how it ended; the
# middle repeats.
FIRST_ATTEMPTS = 10
LAST_ATTEMPTS = 90
MAX_ATTEMPT_BYTES = 256 * 1024
_CHUNK = 100  # deaths whose payloads are held in memory at once
_CHUNK_ATTEMPTS = 400  # attempts, whose tracebacks are
_FOLDED_AT_ONCE = 20_000  # changes of counts
_UNKNOWN = {"class": "", "message": "", "traceback": "", "category": ErrorCategory.UNKNOWN.value}


def record_deaths(task_ids: Sequence[UUID], *, using: str) -> int:
    """Write the letters of tasks that have just failed for good, in the open transaction of
    `using`. Returns how many are new. Needs three statements for each hundred tasks with a few
    attempts."""
    written = 0
    for start in range(0, len(task_ids), _CHUNK):
        for deaths in _by_attempts(
            describe_dead_tasks(task_ids[start : start + _CHUNK], using=using)
        ):
            attempts = list_dead_task_attempts(
                [death.task_id for death in deaths if death.attempt],
                using=using,
                first=FIRST_ATTEMPTS,
                last=LAST_ATTEMPTS,
            )
            rows = [_letter(death, attempts.get(death.task_id, [])) for death in deaths]
            written += transitions.insert_letters(rows, using=using)
    return written


def _by_attempts(deaths: Sequence[DeadTask]) -> Iterator[list[DeadTask]]:
    """Parts whose attempts fit in memory."""
    part: list[DeadTask] = []
    size = 0
    for death in deaths:
        attempts = min(death.attempt, FIRST_ATTEMPTS + LAST_ATTEMPTS)
        if part and size + attempts > _CHUNK_ATTEMPTS:
            yield part
            part, size = [], 0
        part.append(death)
        size += attempts
    if part:
        yield part


def record_reprocessing(pairs: Sequence[tuple[UUID, UUID]], *, by: str, using: str) -> None:
    """The open letters of the ended tasks are REPROCESSED by the tasks that do their work again."""
    transitions.mark_reprocessed(pairs, by=by, using=using)


def prune_letters(limit: int) -> int:
    """Remove at most `limit` letters, open or not, whose task failed more than DLQ_RETENTION_DAYS
    ago. Returns how many were removed."""
    before = now() - timedelta(days=settings.TASKPLANE["DLQ_RETENTION_DAYS"])
    with transaction.atomic():
        letters = DeadLetter.objects.filter(died_at__lt=before).order_by("died_at")
        doomed = letters.select_for_update(skip_locked=True).values_list("id", flat=True)[:limit]
        removed, _ = DeadLetter.objects.filter(id__in=list(doomed)).delete()
    return removed


def fold_letter_counts() -> bool:
    """Fold one batch of changes of the letters' counts, and remove counts of nothing. Returns
    whether there may be more."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(load_sql("dlq", "fold_letter_counts"), {"limit": _FOLDED_AT_ONCE})
        rows = [GroupChange(*row) for row in cursor.fetchall()]
        changes = next(row.deaths for row in rows if row.workspace_id is None)
        if changes:
            count_in_groups([row for row in rows if row.workspace_id is not None])
            # What another transaction changes right now stays, if it is 0, until the next time.
            cursor.execute(
                "DELETE FROM dlq_lettercount WHERE ctid = ANY(ARRAY("
                " SELECT ctid FROM dlq_lettercount WHERE letters = 0 FOR UPDATE SKIP LOCKED))"
            )
        return changes >= _FOLDED_AT_ONCE


def _letter(death: DeadTask, attempts: Sequence[DeadTaskAttempt]) -> NewLetter:
    error = _UNKNOWN | (orjson.loads(death.error) if death.error else {})
    if error["category"] not in ErrorCategory.values:
        error["category"] = ErrorCategory.UNKNOWN.value
    task_options = {
        "maxAttempts": death.round_attempts,
        "timeoutMs": death.timeout_ms,
        "retry": orjson.loads(death.retry) if death.retry else None,
        "onParentFailure": death.on_parent_failure,
    }
    return NewLetter(
        id=uuid7(),
        workspace_id=death.workspace_id,
        task_id=death.task_id,
        attempt=death.attempt,
        name=death.name,
        type=death.type,
        queue=death.queue,
        priority=death.priority,
        tags=_text(death.tags),
        category=error["category"],
        fingerprint=fingerprint(
            category=error["category"],
            error_class=error["class"],
            message=error["message"],
            traceback=error["traceback"],
            task_type=death.type,
        ),
        error=_text(error),
        attempts=_text(bound_attempts([_attempt(row) for row in attempts])),
        attempts_total=attempts[0].total if attempts else 0,
        payload=death.payload,
        task_options=_text(task_options),
        workflow_run_id=death.workflow_run_id,
        step_key=death.step_key,
        reprocess_of=death.reprocess_of,
        worker_version=(attempts[-1].version or "") if attempts else "",
        worker_release=(attempts[-1].release or "") if attempts else "",
        died_at=death.died_at,
    )


def bound_attempts(
    attempts: Sequence[dict[str, Any]], *, max_bytes: int = MAX_ATTEMPT_BYTES
) -> list[dict[str, Any]]:
    """The last attempt, the first ones, and as many of the last ones as fit, in order."""
    sizes = [len(_text(attempt).encode()) + 1 for attempt in attempts]
    kept: set[int] = set()
    left = max_bytes
    order = [len(attempts) - 1, 0, *range(len(attempts) - 2, 0, -1)] if attempts else []
    for at in order:
        if kept and sizes[at] > left:
            break
        kept.add(at)
        left -= sizes[at]
    return [attempts[at] for at in sorted(kept)]


def _attempt(row: DeadTaskAttempt) -> dict[str, Any]:
    return {
        "attempt": row.attempt,
        "workerNode": row.worker_node,
        "startedAt": utc_z(row.started_at),
        "finishedAt": utc_z(row.finished_at),
        "outcome": row.outcome,
        "error": orjson.loads(row.error) if row.error else None,
    }


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
