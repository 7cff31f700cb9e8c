"""How much work a workflow's runs are."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from controlplane.core.sql import load_sql

NEWEST_RUNS = 5


@dataclass(frozen=True, slots=True)
class Fanout:
    """The number of steps of a workflow's newest version, and its newest runs that have ended."""

    steps: int
    runs: list[UUID]


def get_fanouts(workflow_ids: Sequence[UUID]) -> dict[UUID, Fanout]:
    """By workflow, of any workspace; those that are gone are left out."""
    if not workflow_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("workflows", "list_newest_ended"),
            {"ids": list(workflow_ids), "most": NEWEST_RUNS},
        )
        return {workflow: Fanout(steps, runs) for workflow, steps, runs in cursor.fetchall()}
