"""The counts of tasks that exist: folding their changes, and repairing them."""

from django.db import connection, transaction

from controlplane.core.sql import load_sql

_FOLDED_AT_ONCE = 20_000


def fold_counts() -> bool:
    """One batch of changes; whether more may wait."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(load_sql("tasks_app", "fold_counts"), {"limit": _FOLDED_AT_ONCE})
        (changes,) = cursor.fetchone()
        return bool(changes >= _FOLDED_AT_ONCE)


def recount_tasks() -> int:
    """Compare the counts with all tasks and correct them; how many kinds (a workspace, a queue and
    a type) were wrong. It reads the whole table: for an operator, not for a timer."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(load_sql("tasks_app", "recount_tasks"))
        return int(cursor.rowcount)
