"""The number of tasks of workspaces by state, at a cost that does not depend on the history."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from controlplane.core.sql import load_sql, prepared_cursor
from tasks_app.processors.registry import internal_types
from tasks_app.states import TaskState

MAX_COUNTED = 1_000_000  # of one state in one queue
# If one state has more, its tasks are computed from the counts of tasks.
FEW_COUNTED = 1_000
_MAX_CHANGES = 200_000  # a dispatcher folds them every two seconds
# About a second of a busy fleet; counting some rows is quicker than reading more.
MAX_CHANGES = 20_000


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """Counts by queue id. They are exact unless `is_estimate`: then a queue has more unfinished
    tasks of two states than are counted, or too many changes wait to be folded."""

    by_state: dict[int, Counter[str]] = field(default_factory=dict)
    by_type: dict[int, Counter[str]] = field(default_factory=dict)
    is_estimate: bool = False

    @property
    def states(self) -> dict[str, int]:
        """Tasks of all queues by state; contains every state."""
        found = dict.fromkeys(TaskState.values, 0)
        return found | dict(_total(self.by_state.values()))

    @property
    def types(self) -> dict[str, int]:
        """Tasks of all queues by type, the most frequent first."""
        return dict(_total(self.by_type.values()).most_common())

    @property
    def queues(self) -> dict[int, int]:
        """By queue id, the largest first."""
        sums = Counter({queue: types.total() for queue, types in self.by_type.items()})
        return dict(sums.most_common())

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.queues.values())


@dataclass(frozen=True, slots=True)
class LaneCounts:
    """How many tasks of a queue are in each unfinished state. `is_capped`: it has more than
    MAX_COUNTED of two of them."""

    pending: int = 0
    running: int = 0
    scheduled: int = 0
    retrying: int = 0
    blocked: int = 0
    is_capped: bool = False


def count_tasks(*workspaces: UUID, with_internal: bool = False) -> TaskCounts:
    """The tasks of these workspaces, including those of internal types only on request."""
    hidden = [] if with_internal else list(internal_types())
    found = _read(FEW_COUNTED, workspaces=workspaces, hidden=hidden)
    if _capped(found):  # a queue has many tasks of two states
        found = _read(MAX_COUNTED, workspaces=workspaces, hidden=hidden)
    by_state: dict[int, Counter[str]] = {}
    by_type: dict[int, Counter[str]] = {}
    for queue, state, tasks, _ in found["held"]:
        by_state.setdefault(queue, Counter())[state] += tasks
    for queue, type_name, existing, completed, failed, cancelled in found["kinds"]:
        by_type.setdefault(queue, Counter())[type_name] += existing
        by_state.setdefault(queue, Counter()).update(
            {"COMPLETED": completed, "FAILED": failed, "CANCELLED": cancelled}
        )
    is_estimate = not found["isComplete"] or bool(_capped(found))
    return TaskCounts(by_state, by_type, is_estimate)


def count_lanes(lanes: Sequence[int]) -> dict[int, LaneCounts]:
    """The unfinished tasks of these queues, by their ids, with those of internal types."""
    found = _read(FEW_COUNTED, lanes=lanes)
    held = found["held"]
    if capped := _capped(found):
        held = [row for row in held if row[0] not in capped]
        held += _read(MAX_COUNTED, lanes=sorted(capped))["held"]
    counts: dict[int, dict[str, Any]] = {lane: {} for lane in lanes}
    for lane, state, tasks, is_capped in held:
        counts[lane][state.lower()] = tasks
        counts[lane]["is_capped"] = is_capped or counts[lane].get("is_capped", False)
    return {lane: LaneCounts(**columns) for lane, columns in counts.items()}


def _capped(found: Mapping[str, Any]) -> set[int]:
    """The queues with a state that has more tasks than were counted."""
    return {queue for queue, _, _, is_capped in found["held"] if is_capped}


def _read(
    most: int,
    *,
    workspaces: Sequence[UUID] = (),
    lanes: Sequence[int] = (),
    hidden: Sequence[str] = (),
) -> dict[str, Any]:
    statement = load_sql("tasks_app", "count_tasks").format(most=most)
    # Prepared: planning it takes longer than running it.
    with connection.wrap_database_errors, prepared_cursor("default") as cursor:
        cursor.execute(
            statement.encode(),
            {
                "workspaces": list(workspaces),
                "lanes": list(lanes),
                "hidden": list(hidden),
                "changes": _MAX_CHANGES,
            },
        )
        (text,) = cursor.fetchone() or ("{}",)
        found: dict[str, Any] = orjson.loads(text)
        return found


def _total(counters: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return total
