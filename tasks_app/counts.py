"""Counts of the tasks that exist, kept by every statement that makes, ends, reopens or removes one.

A change is appended in the transaction of what it counts, so a count is exact at every moment: the
folded rows of TaskCount plus the changes that are not folded yet. Nothing ever counts history.
"""

from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from controlplane.core.sql import load_sql
from tasks_app.rows import Cursor

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
