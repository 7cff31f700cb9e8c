"""The only writer of a task's state.

Every function is one guarded write (or a chain of them) on the connection it is given, inside the
caller's transaction. It returns the rows that changed: a missing row lost the race, which is never
an error here. Callers keep no state about who won.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from controlplane.core.sql import load_sql
from tasks_app.rows import (
    ClaimedRow,
    Cursor,
    Finished,
    NewTask,
    Outcome,
    Settled,
    as_json,
    note_counts,
)
from tasks_app.states import TaskState

_COPY_FROM = 100  # rows from which COPY costs less than one INSERT of JSON


def insert_tasks(cursor: Any, rows: Sequence[NewTask]) -> None:
    """Insert new rows: COPY for many, which needs the caller's transaction."""
    if len(rows) < _COPY_FROM:
        insert_few_tasks(cursor, rows)
        return
    with cursor.copy(load_sql("tasks_app", "copy_tasks")) as copy:
        for row in rows:
            copy.write_row((*row, 0, 0, 0))
    note_counts(cursor, Counter((r.workspace_id, r.queue_id, r.type, r.state) for r in rows))


def insert_few_tasks(cursor: Any, rows: Sequence[NewTask]) -> None:
    """Insert new rows in one statement, which without a transaction is its own."""
    if len(rows) == 1:
        cursor.execute(load_sql("tasks_app", "insert_task"), rows[0])
    elif rows:
        cursor.execute(load_sql("tasks_app", "insert_tasks"), [as_json(rows)])


def claim_ready(
    cursor: Cursor, *, queue: str, node: int, lease: UUID, want: int, after: int
) -> list[ClaimedRow]:
    """Claim from the lanes that have no limit of their own. `after`: the lane served last."""
    cursor.execute(
        load_sql("tasks_app", "claim_ready"),
        {"queue": queue, "node": node, "lease": lease, "want": want, "after": after},
    )
    return [ClaimedRow._make(row) for row in cursor.fetchall()]


def claim_lane(cursor: Cursor, *, lane: int, node: int, lease: UUID, want: int) -> list[ClaimedRow]:
    """Claim from one limited lane, whose row the caller has locked."""
    cursor.execute(
        load_sql("tasks_app", "claim_lane"),
        {"lane": lane, "node": node, "lease": lease, "want": want},
    )
    return [ClaimedRow._make(row) for row in cursor.fetchall()]


def claim_limited(
    cursor: Cursor, *, queue: str, node: int, lease: UUID, want: int, after: int
) -> list[ClaimedRow]:
    """Claim from lanes with a limit, exactly: each lane's row is locked first, then what runs is
    counted and tokens are spent in later statements, which see every earlier claim."""
    cursor.execute(
        load_sql("tasks_app", "lock_limited_lanes"),
        {"queue": queue, "node": node, "want": want, "after": after},
    )
    claims: list[ClaimedRow] = []
    for lane, max_running, rate, saved, idle_seconds in cursor.fetchall():
        allowed = want - len(claims)
        if allowed <= 0:
            break
        tokens = 0.0
        if rate is not None:
            # The bucket holds one second of starts, and always room for one.
            tokens = min(max(1.0, rate), saved + idle_seconds * rate)
            allowed = min(allowed, int(tokens))
        if max_running is not None:
            cursor.execute(load_sql("tasks_app", "count_running"), {"lane": lane})
            allowed = min(allowed, max_running - cursor.fetchone()[0])
        taken = (
            claim_lane(cursor, lane=lane, node=node, lease=lease, want=allowed)
            if allowed > 0
            else []
        )
        if rate is not None and taken:
            cursor.execute(
                "UPDATE tasks_app_queue SET rate_tokens = %(left)s, rate_at = clock_timestamp()"
                " WHERE id = %(lane)s",
                {"left": tokens - len(taken), "lane": lane},
            )
        claims += taken
    return claims


def finish_leased(cursor: Cursor, *, node: int, outcomes: Iterable[Outcome]) -> list[Finished]:
    """Write outcomes with their attempts. Outcomes that are missing in the result were stale."""
    # In the order in which everybody locks rows, or a bulk cancel of the same rows could deadlock.
    rows = [outcome.as_row() for outcome in sorted(outcomes, key=lambda outcome: outcome.id.int)]
    cursor.execute(
        load_sql("tasks_app", "finish_leased"),
        {"node": node, "outcomes": orjson.dumps(rows).decode()},
    )
    return [Finished._make(row) for row in cursor.fetchall()]


def release_leased(cursor: Cursor, claims: Sequence[tuple[UUID, UUID]]) -> list[Finished]:
    """Hand back rows (task, lease) whose handler never started; no attempt is charged."""
    if not claims:
        return []
    cursor.execute(
        load_sql("tasks_app", "release_leased"),
        {"ids": [task for task, _ in claims], "leases": [lease for _, lease in claims]},
    )
    return [Finished._make(row) for row in cursor.fetchall()]


def release_lease(cursor: Cursor, lease: UUID) -> list[Finished]:
    """Hand back all rows of one lease, none of which has started. Only the lease identifies them:
    their node may have a new row."""
    cursor.execute(
        "SELECT id, lease FROM tasks_app_task WHERE state = 'RUNNING' AND lease = %(lease)s",
        {"lease": lease},
    )
    return release_leased(cursor, cursor.fetchall())


def settle_dependents(cursor: Cursor, ended: Iterable[Finished]) -> Settled:
    """Release or cancel the dependents of these ended tasks. Must run in a statement after the one
    that ended them, in the same transaction: an edge written while the parent's row was locked is
    visible only to a later statement.
    """
    parents = [row for row in ended if row.has_dependents]
    completed = [row.id for row in parents if row.state == TaskState.COMPLETED]
    broken = [row.id for row in parents if row.state in (TaskState.FAILED, TaskState.CANCELLED)]
    queues: set[str] = set()
    cancelled: list[UUID] = []
    if completed:
        queues.update(_satisfy(cursor, completed, any_policy=True))
    if broken:
        cancelled, more_parents = _cancel_dependents(cursor, broken)
        queues.update(_satisfy(cursor, broken + more_parents, any_policy=False))
    return Settled(queues=sorted(queues), cancelled=cancelled)


def _cancel_dependents(cursor: Cursor, parents: list[UUID]) -> tuple[list[UUID], list[UUID]]:
    """Cancel tasks that can no longer run. Returns all of them, and those that have dependents
    themselves."""
    cancelled: list[UUID] = []
    are_parents: list[UUID] = []
    while parents:
        cursor.execute(load_sql("tasks_app", "cancel_dependents"), {"parents": parents})
        rows = cursor.fetchall()
        cancelled += [task for task, _ in rows]
        # One may have got a dependent while its row was locked: see settle_dependents.
        parents = [task for task, has_dependents in rows if has_dependents]
        are_parents += parents
    return cancelled, are_parents


def _satisfy(cursor: Cursor, parents: list[UUID], *, any_policy: bool) -> list[str]:
    cursor.execute(
        load_sql("tasks_app", "satisfy_dependents"),
        {"parents": parents, "any_policy": any_policy},
    )
    return [name for (name,) in cursor.fetchall()]


def mark_parents(cursor: Cursor, *, workspace_id: UUID, parents: list[UUID]) -> dict[UUID, str]:
    """Lock these tasks of a workspace and record that they have dependents. Returns their
    states."""
    cursor.execute(
        load_sql("tasks_app", "mark_parents"),
        {"parents": parents, "workspace": workspace_id},
    )
    return dict(cursor.fetchall())


def promote_due(cursor: Cursor, *, limit: int) -> dict[str, int]:
    """SCHEDULED, RETRYING → PENDING for due tasks. Returns how many per queue."""
    cursor.execute(load_sql("tasks_app", "promote_due"), {"limit": limit})
    return dict(cursor.fetchall())


def cancel_waiting(cursor: Cursor, *, workspace_id: UUID, ids: list[UUID]) -> list[Finished]:
    """BLOCKED, SCHEDULED, PENDING, RETRYING → CANCELLED."""
    cursor.execute(
        """
        WITH done AS (
            UPDATE tasks_app_task
            SET state = 'CANCELLED', finished_at = clock_timestamp(),
                cancel_requested_at = clock_timestamp()
            WHERE id = ANY(%(ids)s) AND workspace_id = %(workspace)s
              AND state IN ('BLOCKED', 'SCHEDULED', 'PENDING', 'RETRYING')
            RETURNING id, state, has_dependents, workspace_id, queue_id, type
        ), counted AS (
            INSERT INTO tasks_app_taskcountchange (workspace_id, queue_id, type, existing,
                completed, failed, cancelled)
            SELECT workspace_id, queue_id, type, 0, 0, 0, count(*) FROM done GROUP BY 1, 2, 3
        )
        SELECT id, state, has_dependents FROM done
        """,
        {"ids": ids, "workspace": workspace_id},
    )
    return [Finished._make(row) for row in cursor.fetchall()]


def request_cancel(cursor: Cursor, *, workspace_id: UUID, ids: list[UUID]) -> list[UUID]:
    """Ask running tasks to stop. The state changes when their node reacts."""
    cursor.execute(
        """
        UPDATE tasks_app_task
        SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp())
        WHERE id = ANY(%(ids)s) AND workspace_id = %(workspace)s AND state = 'RUNNING'
        RETURNING id
        """,
        {"ids": ids, "workspace": workspace_id},
    )
    return [task for (task,) in cursor.fetchall()]


def retry_ended(cursor: Cursor, *, workspace_id: UUID, ids: list[UUID]) -> list[UUID]:
    """An operator's retry: COMPLETED, FAILED, CANCELLED → PENDING, or BLOCKED while a parent is
    unfinished; a fresh round of attempts, numbered on."""
    cursor.execute(
        """
        WITH ended AS (
            SELECT id, workspace_id, queue_id, type, state FROM tasks_app_task
            WHERE id = ANY(%(ids)s) AND workspace_id = %(workspace)s
              AND state IN ('COMPLETED', 'FAILED', 'CANCELLED')
            ORDER BY id FOR UPDATE
        ), counted AS (
            INSERT INTO tasks_app_taskcountchange (workspace_id, queue_id, type, existing,
                completed, failed, cancelled)
            SELECT workspace_id, queue_id, type, 0, -count(*) FILTER (WHERE state = 'COMPLETED'),
                -count(*) FILTER (WHERE state = 'FAILED'),
                -count(*) FILTER (WHERE state = 'CANCELLED')
            FROM ended GROUP BY 1, 2, 3
        )
        UPDATE tasks_app_task t
        SET state = CASE WHEN blocked_by > 0 THEN 'BLOCKED' ELSE 'PENDING' END,
            max_attempts = attempt + round_attempts, lost_count = 0, error = NULL, result = NULL,
            progress = 0, finished_at = NULL, cancel_requested_at = NULL, started_at = NULL,
            run_at = clock_timestamp()
        FROM ended WHERE t.id = ended.id
        RETURNING t.id
        """,
        {"ids": ids, "workspace": workspace_id},
    )
    return [task for (task,) in cursor.fetchall()]


def run_now(cursor: Cursor, *, workspace_id: UUID, ids: list[UUID]) -> list[UUID]:
    """SCHEDULED, RETRYING → PENDING before their time."""
    cursor.execute(
        """
        UPDATE tasks_app_task SET state = 'PENDING', run_at = clock_timestamp()
        WHERE id = ANY(%(ids)s) AND workspace_id = %(workspace)s
          AND state IN ('SCHEDULED', 'RETRYING')
        RETURNING id
        """,
        {"ids": ids, "workspace": workspace_id},
    )
    return [task for (task,) in cursor.fetchall()]


_EDITABLE = {"priority", "run_at", "payload", "max_attempts", "round_attempts", "tags"}


def edit_unstarted(
    cursor: Cursor, *, workspace_id: UUID, task_id: UUID, changes: Mapping[str, Any]
) -> bool:
    """Change a task that has not started. A new `run_at` changes it between PENDING and
    SCHEDULED."""
    unknown = set(changes) - _EDITABLE
    if unknown:
        raise ValueError(f"not editable: {sorted(unknown)}")
    assignments = [f"{column} = %({column})s" for column in changes]
    if "run_at" in changes:
        assignments.append(
            """state = CASE WHEN state = 'BLOCKED' THEN 'BLOCKED'
                 WHEN %(run_at)s::timestamptz > clock_timestamp() THEN 'SCHEDULED'
                 ELSE 'PENDING' END"""
        )
    parameters = {**changes, "id": task_id, "workspace": workspace_id}
    if "tags" in changes:
        cursor.execute(load_sql("tasks_app", "replace_tags"), parameters)
    cursor.execute(
        f"UPDATE tasks_app_task SET {', '.join(assignments)}"  # noqa: S608 - names from _EDITABLE
        " WHERE id = %(id)s AND workspace_id = %(workspace)s"
        " AND attempt = 0 AND state IN ('BLOCKED', 'SCHEDULED', 'PENDING')",
        parameters,
    )
    return cursor.rowcount == 1


def report_running(cursor: Cursor, reports: Sequence[tuple[UUID, UUID, float]]) -> None:
    """Write the progress (task, lease, percent) of rows that their writer still holds."""
    cursor.execute(
        """
        UPDATE tasks_app_task t SET progress = o.progress
        FROM unnest(%(ids)s::uuid[], %(leases)s::uuid[], %(progress)s::float8[])
            AS o (id, lease, progress)
        WHERE t.id = o.id AND t.state = 'RUNNING' AND t.lease = o.lease
        """,
        {
            "ids": [task for task, _, _ in reports],
            "leases": [lease for _, lease, _ in reports],
            "progress": [percent for _, _, percent in reports],
        },
    )
