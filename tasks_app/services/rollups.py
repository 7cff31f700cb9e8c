"""Statistics beside the tasks: roll-ups of each minute and hour, and the counts of tasks."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from controlplane.core.clock import now
from controlplane.core.ids import first_id_of
from controlplane.core.sql import load_sql

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# Whatever was committed so long after the end of its minute is still counted.
LATE = timedelta(minutes=2)
# Between two minutes: the minutes that are recomputed besides the current one.
SOON = MINUTE
_MAX_AT_ONCE = timedelta(minutes=10)
_ID_SLACK = MINUTE
MINUTES_KEPT = timedelta(days=7)
_FOLDED_AT_ONCE = 20_000  # changes of counts


def recompute_rollups() -> bool:
    """One batch: the current minute, those that late commits may still change, and their hours.

    After an outage it continues where it stopped, at most ten minutes of history at a time. Returns
    whether there is more. Safe to run twice at once: the second does nothing.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # Locked in a statement of its own: the next one sees all that an earlier holder wrote.
        cursor.execute(
            "SELECT m.until, date_trunc('minute', clock_timestamp()) FROM tasks_app_rollupmark m"
            " FOR UPDATE SKIP LOCKED"
        )
        found = cursor.fetchone()
        if found is None:
            return _make_mark()
        mark, current = found
        begin = min(mark, current) - (SOON if mark == current else LATE)
        end = min(current + MINUTE, begin + _MAX_AT_ONCE)
        recompute_range(begin, end)
        cursor.execute("UPDATE tasks_app_rollupmark SET until = %s", [min(current, end)])
        return bool(end <= current)


def recompute_range(begin: datetime, end: datetime) -> None:
    """Recompute whole minutes, and the hours that they are in, in the open transaction."""
    with connection.cursor() as cursor:
        # Compiling the statement takes longer than running it.
        cursor.execute("SET LOCAL jit = off")
        cursor.execute(
            load_sql("tasks_app", "recompute_minutes"),
            {
                "from": begin,
                "until": end,
                "first_id": first_id_of(begin - _ID_SLACK),
                "last_id": first_id_of(end + _ID_SLACK),
            },
        )
        hour = begin.replace(minute=0, second=0, microsecond=0)
        last = end.replace(minute=0, second=0, microsecond=0) + HOUR
        cursor.execute(load_sql("tasks_app", "recompute_hours"), {"from": hour, "until": last})


def prune_rollups(limit: int) -> int:
    """Remove at most `limit` minutes older than a week and hours past their retention."""
    hours_kept = timedelta(days=settings.TASKPLANE["ROLLUP_RETENTION_DAYS"])
    removed = 0
    for seconds, kept in ((60, MINUTES_KEPT), (3600, hours_kept)):
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM tasks_app_rollup WHERE ctid = ANY(ARRAY("
                " SELECT ctid FROM tasks_app_rollup WHERE seconds = %s AND at < %s"
                " ORDER BY at LIMIT %s FOR UPDATE SKIP LOCKED))",
                [seconds, now() - kept, limit - removed],
            )
            removed += cursor.rowcount
    return removed


def _make_mark() -> bool:
    """Begin a day ago at most, and with the oldest task: before it there is nothing to sum up."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tasks_app_rollupmark (id, until)"
            " SELECT 1, date_trunc('minute', greatest("
            "  clock_timestamp() - interval '1 day',"
            "  least(clock_timestamp(),"
            "   (SELECT created_at FROM tasks_app_task ORDER BY id LIMIT 1))))"
            " ON CONFLICT DO NOTHING"
        )
        made: bool = cursor.rowcount > 0
        return made


def fold_counts() -> bool:
    """Fold one batch of changes. Returns whether there may be more."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(load_sql("tasks_app", "fold_counts"), {"limit": _FOLDED_AT_ONCE})
        (changes,) = cursor.fetchone()
        return bool(changes >= _FOLDED_AT_ONCE)


def recount_tasks() -> int:
    """Compare the counts with all tasks and correct them. Returns how many kinds (a workspace, a
    queue and a type) were wrong. It reads the whole table: for an operator, not for a timer."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(load_sql("tasks_app", "recount_tasks"))
        return int(cursor.rowcount)
