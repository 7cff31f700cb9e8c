"""Calls that read no more tasks beside many others than beside few."""

import json
from datetime import timedelta
from typing import Literal

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from controlplane.core.clock import now
from controlplane.core.cursors import Cursor, Sort
from controlplane.core.sql import load_sql
from tasks_app.admin import listpage
from tasks_app.admin.listaddress import PAGE_SIZE
from tasks_app.filters import TaskFilter
from tasks_app.models import Task
from tasks_app.queries.lists import list_tasks_of
from tasks_app.queries.tasklist import Figures, Position, TaskPage, read_task_page
from tests.clients import default_workspace, other_workspace, staff_client
from tests.factories import copy_rows, make_error, make_queue, make_task
from tests.reads import rows_read

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> Client:
    return staff_client("root", apps=[], is_superuser=True)


@pytest.fixture
def history() -> None:
    """A backlog of one queue and type, behind the ended tasks of another, and a few others."""
    make_queue("empty")
    make_task("COMPLETED", queue="mail", tags=["rare"])
    copy_rows(make_task(queue="backlog", priority=3, type="sleep"), 2_000)
    copy_rows(make_task("COMPLETED", queue="reports"), 2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_app_task, tasks_app_tasktag")


@pytest.mark.parametrize(
    ("path", "shown", "most"),
    [
        ("/tasks?limit=20", 20, 50),
        ("/tasks?queue=empty", 0, 0),
        ("/tasks?type=cpu", 0, 0),
        ("/tasks?queue=backlog&type=noop", 0, 0),
        ("/tasks?status=FAILED", 0, 0),
        ("/tasks?status=COMPLETED&queue=backlog", 0, 0),
        ("/tasks?tag=rare", 1, 5),
        ("/tasks?tag=unknown", 0, 0),
    ],
)
@pytest.mark.usefixtures("history")
def test_a_page(viewer: APIClient, path: str, shown: int, most: int) -> None:
    found: list[object] = []
    read = rows_read("tasks_app_task", lambda: found.extend(viewer.get(path).json()["data"]))
    assert (len(found), read <= most) == (shown, True), read


@pytest.mark.usefixtures("history")
def test_the_hot_view_of_a_queue_that_completed_nothing(viewer: APIClient) -> None:
    found: list[object] = []
    read = rows_read(
        "tasks_app_task",
        lambda: found.extend(viewer.get("/queues/backlog").json()["recent"]["completed"]),
    )
    # Counting what waits reads the index up to a bound; a few of the oldest are looked at.
    assert (found, read <= 1_100) == ([], True), read


@pytest.mark.parametrize("filters", ["status=FAILED", "errorClass=KeyError"])
@pytest.mark.parametrize("tenants", [1, 3])
@pytest.mark.usefixtures("history")
def test_the_page_of_what_failed(
    root: Client, filters: str, tenants: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A superuser sees the failures of all workspaces, whose index has the order of one of them.
    Without the figures, which are counted up to a bound: where nothing matches, no page is read."""
    monkeypatch.setattr(listpage, "count_matching", lambda *_: Figures(0, True, None))
    workspaces = [default_workspace(), *(other_workspace(f"tenant-{n}") for n in range(1, tenants))]
    for workspace in workspaces:
        error = make_error(name="KeyError")
        failed = make_task("FAILED", workspace=workspace, queue="mail", error=error)
        copy_rows(failed, 300)
        copy_rows(make_task(workspace=workspace, queue="backlog"), 700)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_app_task")
    pages: list[str] = []
    url = f"{reverse('admin:tasks_app_task_changelist')}?{filters}"
    read = rows_read("tasks_app_task", lambda: pages.append(root.get(url).text))
    assert pages[0].count("data-task-row=") == PAGE_SIZE
    assert read <= (PAGE_SIZE + 2) * (tenants + 3), read


def test_pages_of_several_workspaces_have_one_order() -> None:
    """Each workspace is searched for a page; together they are the pages of one list."""
    workspaces = [default_workspace(), other_workspace(), other_workspace("third")]
    for number in range(14):
        make_task("FAILED", workspace=workspaces[number % 3])
        make_task("COMPLETED", workspace=workspaces[number % 2])
    sort = Sort.of("-createdAt", "id")
    ids = [workspace.id for workspace in workspaces[:2]]  # the third is not searched
    tasks = list_tasks_of(ids, TaskFilter(statuses=("FAILED",)))
    expected = list(tasks.order_by("-id").values_list("id", flat=True))

    def read(position: Position) -> TaskPage:
        return read_task_page(tasks, sort, position, 4, ids)

    def at(text: str | None, side: Literal["after", "before"]) -> Position:
        assert text is not None
        return Position(side, Cursor.decode(text, sort, Task))

    first = read(Position())
    second = read(at(first.next, "after"))
    third = read(at(second.next, "after"))
    assert [row.id for page in (first, second, third) for row in page.rows] == expected
    assert third.next is None
    assert [row.id for row in read(at(third.previous, "before")).rows] == expected[4:8]


def test_the_oldest_of_many_priorities() -> None:
    """Each priority is found by one look at the index, which also has its oldest task."""
    for priority in range(-100, 101):
        copy_rows(make_task(priority=priority, created_at=now() - timedelta(minutes=5)), 4)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_app_task")
        cursor.execute(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "
            + load_sql("tasks_app", "find_oldest_waiting"),
            {"lanes": [make_queue().id], "some": 20, "most": 200},
        )
        (found,) = cursor.fetchone()
    (plan,) = json.loads(found) if isinstance(found, str) else found
    assert plan["Plan"]["Actual Rows"] == 1
    assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] <= 201 * 5
