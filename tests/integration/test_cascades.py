"""What a failure of a task with very many dependents costs the one who writes it."""

import json
from uuid import UUID, uuid4

import pytest
from django.db import connection

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.sql import load_sql
from tasks_app.models import Task
from tasks_app.services import submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.clients import default_workspace

pytestmark = pytest.mark.django_db
FAMILY = 8_000


@pytest.mark.parametrize("knows_them", [False, True])
def test_a_cascade_reads_each_dependent_a_few_times(knows_them: bool) -> None:
    """Whether the planner's figures know of the tasks, or are older than they: a plan that tried
    each with each of the others would outlast any statement's time, and the parent's handler would
    run again."""
    other = submit_task(spec=TaskSpec(type="test-echo"))
    submit_many(200, depends_on=[])
    submit_many(20, depends_on=[other])
    Task.objects.update(state="PENDING")
    analyse()
    parent = submit_task(spec=TaskSpec(type="test-echo"))
    submit_many(FAMILY, depends_on=[parent])
    if knows_them:
        analyse()
    blocks = blocks_read_by_cancelling(parent)
    assert Task.objects.filter(state="CANCELLED").count() == FAMILY
    assert blocks < 40 * FAMILY


def test_a_cascade_never_looks_through_all_tasks_that_are_held() -> None:
    """By figures that know of none, the index of those costs as little as the primary key, or less
    while that has more levels."""
    sql = "EXPLAIN " + load_sql("tasks_app", "cancel_dependents")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tasks_app_task DROP CONSTRAINT tasks_app_task_pkey CASCADE")
        cursor.execute(sql, {"parents": [uuid4()]})
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "task_held" not in plan


def submit_many(count: int, *, depends_on: list[UUID]) -> None:
    specs = [TaskSpec(type="test-echo", depends_on=depends_on) for _ in range(count)]
    submit_tasks(workspace_id=default_workspace().id, specs=specs)


def analyse() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_app_task")
        cursor.execute("ANALYZE tasks_app_taskdependency")


def blocks_read_by_cancelling(parent: UUID) -> int:
    sql = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + load_sql("tasks_app", "cancel_dependents")
    with connection.cursor() as cursor:
        cursor.execute(sql, {"parents": [parent]})
        (plan,) = cursor.fetchone()
    (top,) = json.loads(plan) if isinstance(plan, str) else plan
    return int(top["Plan"]["Shared Hit Blocks"])
