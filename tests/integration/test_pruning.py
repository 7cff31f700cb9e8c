"""What the dispatcher's sweep removes, and what it leaves."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection

from controlplane.core.clock import now
from controlplane.core.ids import first_id_of
from controlplane.core.sql import load_sql
from tasks_app.dispatch import prune
from tests.factories import copy_rows, make_node, make_task
from workers.models import Node

pytestmark = pytest.mark.django_db


def test_nodes_go_after_the_last_attempt_that_names_them() -> None:
    """Every start of a worker leaves one: without an end they would gather for years."""
    kept = timedelta(days=settings.TASKPLANE["ATTEMPT_RETENTION_DAYS"])
    living = make_node()
    recent = make_node("recent", state="STOPPED", stopped_at=now() - kept)
    make_node("old", state="LOST", stopped_at=now() - kept - timedelta(days=8))
    assert prune()
    assert set(Node.objects.values_list("id", flat=True)) == {living.id, recent.id}
    assert not prune()


def test_a_batch_does_not_read_all_that_is_past_its_retention() -> None:
    """The planner multiplies the shares of old ids and of old ends, which are the same tasks, and
    would rather sort the few that it expects."""
    old = now() - timedelta(days=4_000)
    for number in range(500):
        task_id = UUID(int=first_id_of(old).int + number)
        make_task("COMPLETED", id=task_id, created_at=old, started_at=old, finished_at=old)
    copy_rows(make_task("COMPLETED"), 9_500)
    before = now() - timedelta(days=3_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_app_task")
        cursor.execute(
            "EXPLAIN " + load_sql("tasks_app", "prune_tasks"),
            {"before": before, "below": first_id_of(before), "limit": 50},
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan using tasks_app_task_pkey" in plan
    assert "Sort" not in plan
