"""Reads of the settings: queues with their limits, and how much of everything is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from tasks_app.models import Queue

MAX_QUEUES = 200


def list_limited_queues(workspaces: Sequence[UUID]) -> list[Queue]:
    """The queues of these workspaces, by name; one more than MAX_QUEUES if there are more."""
    queues = Queue.objects.filter(workspace_id__in=list(workspaces)).select_related("workspace")
    return list(queues.order_by("workspace__slug", "name")[: MAX_QUEUES + 1])


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table with its indexes. `rows` is the planner's estimate, None before its first count."""

    bytes: int
    rows: int | None


def read_table_sizes(names: Sequence[str]) -> dict[str, TableSize]:
    """The sizes of these tables, in one statement that reads no row of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_total_relation_size(oid), reltuples FROM pg_class"
            " WHERE relkind = 'r' AND relname = ANY(%s) AND pg_table_is_visible(oid)",
            [list(names)],
        )
        rows = cursor.fetchall()
    return {
        name: TableSize(size, None if count < 0 else round(count)) for name, size, count in rows
    }


def read_server_version() -> str:
    """That of Postgres."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (found,) = cursor.fetchone() or ("",)
    return str(found)
