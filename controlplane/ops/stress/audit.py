"""The audit of a test: one statement compares its recorded tasks with the plan, some at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from controlplane.core.sql import load_sql
from controlplane.ops.stress.checks import AuditCounts
from controlplane.ops.stress.models import StressTest
from tasks_app.batches import IsEnough

MAX_EXAMPLES = 5
_TASKS_A_STATEMENT = 2_000


def audit_next(test: StressTest, is_enough: IsEnough) -> bool:
    """Audit the next tasks of the test until `is_enough`. Returns whether all are audited. The
    caller saves the test."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                load_sql("controlplane.ops.stress", "audit_tasks"),
                {
                    "test": test.id,
                    "workspace": test.workspace_id,
                    "after": test.audited_to or 0,
                    "limit": _TASKS_A_STATEMENT,
                },
            )
            last, size, counts = cursor.fetchone()
        if size:
            test.audited_to = last
            test.audit = asdict(add_counts(AuditCounts(**test.audit or {}), orjson.loads(counts)))
        if size < _TASKS_A_STATEMENT:
            return True
        if is_enough():
            return False


def add_counts(total: AuditCounts, part: Mapping[str, Any]) -> AuditCounts:
    """The sum of both counts; `part` is the result of the statement."""
    return AuditCounts(
        **{
            each.name: _add(each.name, getattr(total, each.name), part[each.name])
            for each in fields(AuditCounts)
        }
    )


def _add(name: str, mine: Any, other: Any) -> Any:
    if name == "examples":
        return {
            key: [*mine.get(key, ()), *(ids or ())][:MAX_EXAMPLES] for key, ids in other.items()
        }
    if isinstance(mine, dict):
        return dict(Counter(mine) + Counter(other))
    if name in ("longest_wait", "longest_run", "last_end"):
        return max((value for value in (mine, other) if value is not None), default=None)
    return mine + other


def find_peaks(test: StressTest, ends: Sequence[datetime]) -> list[int]:
    """The maximum number of attempts that ran at once in each interval. These moments, in ascending
    order, are the ends of the intervals; the first begins with the test."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("controlplane.ops.stress", "peak_running"),
            {"test": test.id, "workspace": test.workspace_id, "ends": list(ends)},
        )
        return [int(peak) for (peak,) in cursor.fetchall()]
