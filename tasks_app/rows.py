"""The rows that transitions take and return, and the counts of the tasks that exist.

Every statement that makes, ends, reopens or removes a task appends the change in its transaction,
so a count is exact at every moment: the folded rows of TaskCount plus the changes that are not
folded yet. Nothing ever counts history.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import orjson

from controlplane.core.sql import load_sql
from tasks_app.states import FINAL, AttemptOutcome, TaskState

_SUCCEEDED = AttemptOutcome.SUCCEEDED.value


class Cursor(Protocol):
    """The common interface of Django's and psycopg's cursors."""

    @property
    def rowcount(self) -> int: ...
    def execute(self, query: Any, params: Any = None) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def fetchone(self) -> Any: ...


class NewTask(NamedTuple):
    """A task row to insert, in the order of insert_task.sql. JSON columns are JSON text."""

    id: UUID
    workspace_id: UUID
    queue_id: int
    type: str
    name: str
    state: str
    priority: int
    payload: str
    max_attempts: int
    round_attempts: int
    retry: str | None
    timeout_ms: int
    run_at: Any
    blocked_by: int
    on_parent_failure: str
    tags: list[str]
    workflow_run_id: UUID | None
    step_key: str | None
    idempotency_key: str | None
    created_at: Any
    finished_at: Any
    error: str | None
    has_dependents: bool
    reprocess_of: UUID | None
    submitted_by: str | None


def as_json(rows: Iterable[NewTask]) -> str:
    """The rows for insert_tasks.sql: a JSON array of objects, whose JSON columns are JSON."""
    return orjson.dumps([_as_object(row) for row in rows]).decode()


def _as_object(row: NewTask) -> dict[str, Any]:
    values = row._asdict()
    for column in ("payload", "retry", "error"):
        if values[column] is not None:
            values[column] = orjson.Fragment(values[column])
    return values


class ClaimedRow(NamedTuple):
    """A row as a claim returns it. `payload` and `retry` are JSON text, `wait_ms` is from ready
    to claimed."""

    id: UUID
    lease: UUID
    queue_id: int
    workspace_id: UUID
    type: str
    name: str
    payload: str
    attempt: int
    max_attempts: int
    round_attempts: int
    lost_count: int
    timeout_ms: int
    retry: str | None
    priority: int
    idempotency_key: str | None
    wait_ms: float


@dataclass(slots=True)
class Outcome:
    """The outcome of one leased attempt; one constructor per legal ending below."""

    id: UUID
    lease: UUID
    state: str
    outcome: str
    run_ms: float
    result: Any = None
    error: Mapping[str, Any] | None = None
    ago_ms: float = 0
    wait_ms: float | None = None
    delay_ms: float = 0
    grant: int = 0
    lost: int = 0
    progress: float | None = None

    def as_row(self) -> object:
        """The JSON for `finish_leased.sql`; for a success, only values that differ from the
        defaults."""
        if self.outcome != _SUCCEEDED:
            return self
        row = {
            "id": self.id,
            "lease": self.lease,
            "run_ms": self.run_ms,
            "ago_ms": self.ago_ms,
            "wait_ms": self.wait_ms,
        }
        if self.result is not None:
            row["result"] = self.result
        return row


class Finished(NamedTuple):
    """A row whose outcome was accepted."""

    id: UUID
    state: str
    has_dependents: bool


def count_ends(rows: Iterable[Finished]) -> tuple[int, int]:
    """How many of these tasks have ended, and how many of those as FAILED."""
    states = [row.state for row in rows]
    return sum(state in FINAL for state in states), states.count(TaskState.FAILED)


class Settled(NamedTuple):
    """The result for the dependents of ended tasks: the queues that got work, and the tasks that
    were cancelled because they can no longer run."""

    queues: list[str]
    cancelled: list[UUID]


# One task's workspace, queue, type and state.
Counted = tuple[UUID, int, str, str]
COLUMNS = ("existing", "completed", "failed", "cancelled")


def note_counts(cursor: Cursor, tasks: Mapping[Counted, int]) -> None:
    """Append how many more (below zero: fewer) tasks of each kind there are. Statements of
    `transitions` and `sql/` that move tasks between states append it themselves."""
    sums: dict[tuple[UUID, int, str], Counter[str]] = {}
    for (workspace, queue, type_name, state), number in tasks.items():
        kind = sums.setdefault((workspace, queue, type_name), Counter())
        kind["existing"] += number
        kind[state.lower()] += number
    if not sums:
        return
    workspaces, queues, types = zip(*sums, strict=True)
    changes = {name: [counts[name] for counts in sums.values()] for name in COLUMNS}
    cursor.execute(
        load_sql("tasks_app", "note_counts"),
        {"workspaces": list(workspaces), "queues": list(queues), "types": list(types), **changes},
    )
