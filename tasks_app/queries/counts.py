"""The number of tasks of workspaces by state, at a cost that does not depend on the history."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from controlplane.core.sql import load_sql
from tasks_app.processors.registry import internal_types
from tasks_app.queries.queues import FEW_COUNTED, MAX_COUNTED
from tasks_app.states import TaskState

_MAX_CHANGES = 200_000  # a dispatcher folds them every two seconds


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


def count_tasks(*workspaces: UUID, with_internal: bool = False) -> TaskCounts:
    """The tasks of these workspaces, including those of internal types only on request."""
    hidden = [] if with_internal else list(internal_types())
    found = _read(workspaces, hidden, FEW_COUNTED)
    if found["isCapped"]:  # a queue has many tasks of two states
        found = _read(workspaces, hidden, MAX_COUNTED)
    by_state: dict[int, Counter[str]] = {}
    by_type: dict[int, Counter[str]] = {}
    for queue, state, tasks in found["held"]:
        by_state.setdefault(queue, Counter())[state] += tasks
    for queue, type_name, existing, completed, failed, cancelled in found["kinds"]:
        by_type.setdefault(queue, Counter())[type_name] += existing
        by_state.setdefault(queue, Counter()).update(
            {"COMPLETED": completed, "FAILED": failed, "CANCELLED": cancelled}
        )
    return TaskCounts(by_state, by_type, found["isEstimate"] or found["isCapped"])


def _read(workspaces: Sequence[UUID], hidden: list[str], most: int) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "count_tasks"),
            {
                "workspaces": list(workspaces),
                "hidden": hidden,
                "most": most,
                "changes": _MAX_CHANGES,
            },
        )
        found: dict[str, Any] = orjson.loads(cursor.fetchone()[0])
        return found


def _total(counters: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return total
