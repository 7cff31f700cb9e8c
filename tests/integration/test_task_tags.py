"""The table of tags follows the tags of tasks, and lists by tag are read from it."""

from datetime import timedelta
from importlib import import_module
from uuid import UUID

import pytest
from django.db import connection
from rest_framework.test import APIClient

from controlplane.core.clock import now
from controlplane.core.errors import Conflict
from controlplane.core.ids import first_id_of
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import Workspace
from tasks_app import services
from tasks_app.filters import TaskFilter
from tasks_app.models import Task, TaskTag
from tasks_app.queries import TaskTotal, list_tasks
from tasks_app.specs import TaskSpec
from tests.clients import default_workspace
from tests.factories import copy_rows, make_task

pytestmark = pytest.mark.django_db


def submit(number: int, *tags: str) -> list[UUID]:
    specs = [TaskSpec(type="noop", tags=tags) for _ in range(number)]
    return services.submit_tasks(workspace_id=default_workspace().id, specs=specs)


def check() -> int:
    """The table has what the tasks have; how many rows."""
    rows = set(TaskTag.objects.values_list("workspace_id", "tag", "task_id", "type"))
    assert rows == {
        (task.workspace_id, tag, task.id, task.type)
        for task in Task.objects.all()
        for tag in task.tags
    }
    return len(rows)


def test_whatever_makes_and_removes_tasks(workspace: Workspace) -> None:
    services.submit_task(spec=TaskSpec(type="noop", tags=["a", "b"]))
    few, many = submit(3, "a"), submit(300, "a", "c")
    submit(300)
    assert check() == 2 + 3 + 600
    services.cancel_tasks(workspace_id=workspace.id, ids=[*few, *many], actor=SYSTEM)
    services.delete_tasks(workspace_id=workspace.id, ids=[few[0], *many], actor=SYSTEM)
    assert check() == 2 + 2


def test_a_change_of_tags(workspace: Workspace) -> None:
    (task,) = submit(1, "a", "b")

    def change(tags: list[str]) -> int:
        services.edit_task(
            workspace_id=workspace.id, task_id=task, changes={"tags": tags}, actor=SYSTEM
        )
        return check()

    assert [change(tags) for tags in (["b", "c"], ["b", "c"], [], ["d"])] == [2, 2, 0, 1]
    Task.objects.filter(id=task).update(attempt=1)
    with pytest.raises(Conflict):
        change(["e"])
    assert check() == 1


def test_tags_of_before_are_copied_and_stale_ones_removed(workspace: Workspace) -> None:
    submit(2, "a", "b")
    kept = TaskTag.objects.order_by("task_id", "tag").first()
    assert kept is not None
    TaskTag.objects.exclude(task_id=kept.task_id).delete()
    TaskTag.objects.create(workspace_id=workspace.id, tag="z", task_id=kept.task_id, type="noop")
    module = import_module("tasks_app.migrations.0011_copy_tags")
    with connection.cursor() as cursor:
        cursor.execute(module._FORWARD)
    assert check() == 4


@pytest.mark.parametrize("tag", ["frequent", "rare", "unknown"])
def test_the_planner_reads_a_page_in_the_order_of_the_list(workspace: Workspace, tag: str) -> None:
    make_task(tags=["rare"])
    copy_rows(make_task(), 2_000)
    copy_rows(make_task(tags=["frequent"]), 2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_app_task, tasks_app_tasktag")
    plan = list_tasks(workspace.id, TaskFilter(tags=(tag,))).order_by("-id")[:21].explain()
    assert "tasks_app_tasktag_pkey" in plan
    assert "Seq Scan" not in plan
    if tag == "frequent":
        assert "Sort" not in plan


def test_the_total_leaves_internal_tasks_out(workspace: Workspace, viewer: APIClient) -> None:
    for _ in range(3):
        make_task(tags=["a"])
    make_task(type="workflow-join", tags=["a"])
    make_task(tags=["a"], type="sleep")
    assert viewer.get("/tasks?limit=1&tag=a").json()["total"] == 4
    assert viewer.get("/tasks?limit=1&tag=a&internal=true").json()["total"] == 5
    assert viewer.get("/tasks?limit=1&tag=a&type=sleep,noop").json()["total"] == 4
    assert viewer.get("/tasks?limit=1&tag=a,b").json()["total"] == 4
    tasks = list_tasks(workspace.id, TaskFilter(tags=("a",)))
    narrow = TaskTotal((workspace.id,), TaskFilter(tags=("a",))).narrow(tasks)
    assert narrow.model is TaskTag


def test_retention_takes_the_tags_along() -> None:
    old = now() - timedelta(days=4_000)
    made = {"created_at": old, "started_at": old, "finished_at": old, "tags": ["a"]}
    make_task("COMPLETED", id=first_id_of(old), **made)
    make_task(tags=["a"])
    assert check() == 2
    assert services.prune_history().tasks == 1
    assert check() == 1
