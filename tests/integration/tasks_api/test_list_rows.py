"""GET /tasks: short rows, `fields`, the sorts and filters of ended tasks, internal tasks."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from controlplane.core.clock import now
from controlplane.core.cursors import Cursor, Sort
from controlplane.core.ids import first_id_of
from controlplane.workspaces.models import Workspace
from tasks_app.filters import TaskFilter, filter_of_body
from tasks_app.models import Task
from tasks_app.queries import SORT_FIELDS, list_tasks
from tasks_app.queries.pages import read_page, read_previous_page
from tests.clients import default_workspace
from tests.factories import copy_rows, make_attempt, make_node, make_task
from workers.models import Node

pytestmark = pytest.mark.django_db

ERROR = {
    "class": "ValueError",
    "message": "m" * 1_000,
    "traceback": "Traceback (most recent call last): …",
    "category": "CODE",
}


def get(client: APIClient, **params: Any) -> dict[str, Any]:
    response = client.get("/tasks", params)
    assert response.status_code == 200, response.content
    return dict(response.json())


def names(client: APIClient, **params: Any) -> list[str]:
    return [row["name"] for row in get(client, **params)["data"]]


def make_ended(name: str, *, ms: float, ago: float = 0, state: str = "COMPLETED") -> Task:
    """A task that ended that many seconds ago, after an attempt of that many milliseconds."""
    end = now() - timedelta(seconds=ago)
    return make_task(state, name=name, started_at=end - timedelta(milliseconds=ms), finished_at=end)


def test_a_row_has_a_short_error(client: APIClient) -> None:
    task = make_task("FAILED", error=ERROR)
    (row,) = get(client)["data"]
    assert set(row["error"]) == {"class", "message", "category"}
    assert row["error"]["message"] == "m" * 199 + "…"
    full = client.get(f"/tasks/{task.id}").json()
    assert full["error"] == ERROR


def test_fields_select(client: APIClient) -> None:
    make_task("FAILED", error=ERROR)
    assert get(client, fields="status, type,error")["data"] == [
        {
            "status": "FAILED",
            "type": "noop",
            "error": {"class": "ValueError", "message": "m" * 199 + "…", "category": "CODE"},
        }
    ]


def test_long_values_that_nobody_asked_for_are_not_read(client: APIClient) -> None:
    make_task("COMPLETED", payload={"a": 1}, result=[1])
    with CaptureQueriesContext(connection) as made:
        assert list(get(client, fields="id,name")["data"][0]) == ["id", "name"]
    texts = [query["sql"] for query in made if "t.name" in query["sql"]]
    assert len(texts) == 1
    for column in ("payload", "result", "error"):
        assert f"t.{column}" not in texts[0]


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/tasks", "id"),
        ("/dlq/tasks", "fingerprint"),
        ("/workflows/runs", "runId"),
        ("/cron/jobs", "schedule"),
        ("/system/nodes", "heartbeatAt"),
        ("/health/scaling-events", "id"),
    ],
)
def test_an_unknown_field_is_named_on_every_list(client: APIClient, path: str, known: str) -> None:
    assert client.get(path, {"fields": known}).status_code == 200
    response = client.get(path, {"fields": f"{known},bogus,worse"})
    assert response.status_code == 422
    errors = response.json()["errors"]
    assert [error["field"] for error in errors] == ["fields", "fields"]
    assert "'bogus'" in errors[0]["message"]
    assert "'worse'" in errors[1]["message"]
    assert known in errors[0]["message"]
    assert client.get(path, {"fields": ","}).status_code == 422


def test_sorts_put_tasks_without_a_value_last(client: APIClient) -> None:
    make_task("PENDING", name="new")
    make_ended("quick", ms=2, ago=30)
    make_ended("slow", ms=2_000, ago=20)
    make_ended("medium", ms=300, ago=10, state="FAILED")
    make_task("CANCELLED", name="cancelled", started_at=None, finished_at=now())
    make_task("BLOCKED", name="newest")
    assert names(client, sort="-finishedAt") == [
        "cancelled", "medium", "slow", "quick", "newest", "new",
    ]  # fmt: skip
    assert names(client, sort="finishedAt") == [
        "quick", "slow", "medium", "cancelled", "new", "newest",
    ]  # fmt: skip
    assert names(client, sort="-durationMs") == [
        "slow", "medium", "quick", "newest", "cancelled", "new",
    ]  # fmt: skip
    assert names(client, sort="durationMs") == [
        "quick", "medium", "slow", "new", "cancelled", "newest",
    ]  # fmt: skip


@pytest.mark.parametrize("sort", ["finishedAt", "-finishedAt", "durationMs", "-durationMs"])
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7])
def test_cursors_and_pages_give_every_task_once(client: APIClient, sort: str, limit: int) -> None:
    at = now()
    for number in range(4):
        make_task("PENDING", name=f"open {number}")
        # Equal values: the id breaks the tie.
        make_task("COMPLETED", name=f"even {number}", started_at=at, finished_at=at)
        make_ended(f"ended {number}", ms=5 * number, ago=number)
    whole = names(client, sort=sort)
    assert len(set(whole)) == 12
    by_cursor: list[str] = []
    page = get(client, sort=sort, limit=limit)
    while True:
        by_cursor += [row["name"] for row in page["data"]]
        if page["nextCursor"] is None:
            break
        page = get(client, sort=sort, limit=limit, cursor=page["nextCursor"])
    assert by_cursor == whole
    pages = [names(client, sort=sort, limit=limit, page=n) for n in range(1, 12 // limit + 2)]
    assert [name for page_names in pages for name in page_names] == whole


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"minDurationMs": 300}, ["medium", "slow"]),
        ({"maxDurationMs": 300}, ["medium", "quick"]),
        ({"minDurationMs": 3, "maxDurationMs": 1_999}, ["medium"]),
        ({"minDurationMs": 0}, ["medium", "slow", "quick"]),
        ({"minDurationMs": 2, "maxDurationMs": 2}, ["quick"]),
        ({"minDurationMs": 2_001}, []),
    ],
)
def test_by_the_duration_of_the_last_attempt(
    client: APIClient, params: dict[str, int], expected: list[str]
) -> None:
    make_ended("quick", ms=2, ago=30)
    make_ended("slow", ms=2_000, ago=20)
    make_ended("medium", ms=300, ago=10, state="FAILED")
    make_ended("cancelled", ms=300, state="CANCELLED")
    make_task("PENDING", name="waits")
    make_task("RUNNING", name="runs", started_at=now() - timedelta(hours=1))
    assert names(client, **params) == expected


def test_by_the_start_of_the_last_attempt(client: APIClient) -> None:
    make_ended("early", ms=10, ago=7_200)
    make_ended("late", ms=10, ago=60)
    make_task("RUNNING", name="runs")
    make_task("PENDING", name="waits")
    cut = (now() - timedelta(hours=1)).isoformat()
    assert names(client, startedAfter=cut) == ["runs", "late"]
    # Ids of tests are made now, whatever the times of their rows.
    Task.objects.filter(name="early").update(id=first_id_of(now() - timedelta(hours=3)))
    assert names(client, startedBefore=cut) == ["early"]
    recent = (now() + timedelta(minutes=1)).isoformat()
    assert names(client, startedAfter=cut, startedBefore=recent) == ["runs", "late"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("minDurationMs", "-1"), ("maxDurationMs", "1.5"), ("startedAfter", "yesterday")],
)
def test_wrong_values_of_the_new_filters_are_named(
    client: APIClient, name: str, value: str
) -> None:
    response = client.get("/tasks", {name: value})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [name]


def test_a_cursor_of_another_sort_is_refused(client: APIClient) -> None:
    for _ in range(3):
        make_task("PENDING")
    cursor = get(client, sort="finishedAt", limit=1)["nextCursor"]
    response = client.get("/tasks", {"sort": "durationMs", "cursor": cursor})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "cursor"


def test_filters_of_ended_tasks(client: APIClient) -> None:
    at = now()
    make_task("FAILED", name="a", error=ERROR, finished_at=at - timedelta(hours=2))
    make_task("FAILED", name="b", error={**ERROR, "class": "Timeout"}, finished_at=at)
    make_task("PENDING", name="c")
    # Ids of tests are made now, whatever the times of their rows.
    Task.objects.filter(name="a").update(id=first_id_of(at - timedelta(hours=3)))
    assert names(client, errorClass="ValueError") == ["a"]
    assert names(client, errorClass="Timeout,ValueError") == ["b", "a"]
    assert names(client, errorClass="Value") == []
    hour_ago = (at - timedelta(hours=1)).isoformat()
    assert names(client, finishedAfter=hour_ago) == ["b"]
    assert names(client, finishedBefore=hour_ago) == ["a"]
    assert client.get("/tasks", {"finishedAfter": "yesterday"}).status_code == 422


def test_a_class_longer_than_its_index_is_found_exactly(client: APIClient) -> None:
    long, longer = "C" * 400, "C" * 401
    make_task("FAILED", name="long", error={**ERROR, "class": long})
    make_task("FAILED", name="longer", error={**ERROR, "class": longer})
    assert names(client, errorClass=long) == ["long"]


@pytest.mark.parametrize("processed", [1, 1_000_000])
def test_worker_finds_what_a_node_runs_or_ran_last(client: APIClient, processed: int) -> None:
    first, again, other = (make_node(name, processed=processed) for name in ("w1", "w1", "w2"))
    for node in (first, again, other):  # as registration names them
        Node.objects.filter(id=node.id).update(name=f"{node.name}#{node.id}")
    make_attempt(make_task("COMPLETED", name="of first"), node_id=first.id)
    make_attempt(make_task("COMPLETED", name="of again"), node_id=again.id)
    moved = make_task("COMPLETED", name="moved", attempt=2)
    make_attempt(moved, 1, node_id=first.id, outcome="LOST")
    make_attempt(moved, 2, node_id=other.id)
    make_task("RUNNING", name="running", node_id=again.id)
    make_task("PENDING", name="waiting")
    assert names(client, worker="w1") == ["running", "of again", "of first"]
    assert names(client, worker=str(first.id)) == ["of first"]
    assert names(client, worker=f"w1#{again.id}") == ["running", "of again"]
    assert names(client, worker="w2,nobody") == ["moved"]
    assert names(client, worker="nobody") == []


def test_internal_tasks_are_shown_only_when_they_are_asked_for(client: APIClient) -> None:
    make_task("PENDING", name="own")
    join = make_task("PENDING", name="join", type="workflow-join", queue="workflows")
    assert names(client) == ["own"]
    assert names(client, status="PENDING") == ["own"]
    assert get(client, search="join")["total"] == 0
    assert names(client, internal="true") == ["join", "own"]
    assert names(client, internal="false") == ["own"]
    assert names(client, type="workflow-join") == ["join"]
    assert names(client, id=str(join.id)) == ["join"]
    assert client.get(f"/tasks/{join.id}").status_code == 200
    assert client.get("/tasks", {"internal": "yes"}).status_code == 422
    csv = b"".join(client.get("/tasks/export"))
    assert b"own" in csv
    assert b"join" not in csv
    assert b"join" in b"".join(client.get("/tasks/export", {"internal": "true"}))


def test_bulk_actions_leave_internal_tasks_alone(client: APIClient) -> None:
    make_task("PENDING")
    join = make_task("PENDING", type="workflow-join", queue="workflows")
    body = {"action": "cancel", "filter": {}, "all": True, "dryRun": True}
    assert client.post("/tasks/actions", body, format="json").json()["matched"] == 1
    body["filter"] = {"internal": True}
    assert client.post("/tasks/actions", body, format="json").json()["matched"] == 2
    del body["all"]
    assert client.post("/tasks/actions", body, format="json").status_code == 422
    body = {"action": "cancel", "ids": [str(join.id)], "dryRun": True}
    assert client.post("/tasks/actions", body, format="json").json()["matched"] == 1


def test_bulk_actions_take_the_new_filters(client: APIClient) -> None:
    make_task("FAILED", error=ERROR)
    make_task("FAILED", error={**ERROR, "class": "Timeout"})
    body = {
        "action": "retry",
        "filter": {"errorClass": ["ValueError"], "finishedAfter": "2020-01-01T00:00:00Z"},
        "dryRun": True,
    }
    assert client.post("/tasks/actions", body, format="json").json()["matched"] == 1


@pytest.mark.parametrize(
    ("wanted", "sort", "index"),
    [
        ({}, "-finishedAt", "task_finished"),
        ({}, "finishedAt", "task_finished"),
        ({}, "-durationMs", "task_duration"),
        ({"errorClass": "Rare"}, "-createdAt", "task_error_class"),
        ({"finishedAfter": "2999-01-01T00:00:00Z"}, "-finishedAt", "task_finished"),
        ({"finishedBefore": "2020-01-01T00:00:00Z"}, "finishedAt", "task_finished"),
        ({"minDurationMs": 2_000_000}, "-durationMs", "task_duration"),
        ({"worker": "rare"}, None, "attempt_of_node"),
    ],
)
def test_the_planner_takes_the_index_of_each_sort_and_filter(
    wanted: dict[str, Any], sort: str | None, index: str
) -> None:
    node = make_node("rare")
    make_attempt(make_task("FAILED", error={**ERROR, "class": "Rare"}), node_id=node.id)
    # Enough rows that no other plan is as cheap, and their statistics.
    copy_rows(make_task("FAILED", error=ERROR), 3_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_app_task, tasks_app_taskattempt")
        if index == "attempt_of_node":
            # A BRIN index serves bitmap scans only, and reads all pages of a table this small.
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    tasks: Any = list_tasks(default_workspace().id, filter_of_body(wanted, field=""))
    if sort is not None:
        (tasks, *_), _ = Sort.of(sort, SORT_FIELDS[sort.removeprefix("-")]).split(tasks)
    assert index in tasks[:20].explain()


@pytest.mark.parametrize("sort", [sign + name for name in SORT_FIELDS for sign in ("", "-")])
@pytest.mark.parametrize("limit", [1, 3, 5])
def test_the_way_back_has_the_same_pages(workspace: Workspace, sort: str, limit: int) -> None:
    at = now()
    for number in range(3):
        make_task("PENDING", name=f"open {number}", priority=number)
        make_task("COMPLETED", name=f"even {number}", started_at=at, finished_at=at)
        make_ended(f"ended {number}", ms=7 * number, ago=number)
    order = Sort.of(sort, SORT_FIELDS[sort.removeprefix("-")])
    tasks = list_tasks(workspace.id, TaskFilter())
    rows, valued = read_page(tasks, order, None, 0, 20)
    assert len(rows) == 9
    for place in range(1, 9):
        cursor = Cursor.at(rows[place], order, 2, has_value=place < valued)
        found, with_value = read_previous_page(tasks, order, cursor, limit)
        expected = rows[max(0, place - limit) : place]
        assert [row.id for row in found] == [row.id for row in expected]
        first = place - len(found)
        assert with_value == max(0, min(valued, place) - first)


def test_including_internal_tasks_is_no_condition() -> None:
    assert TaskFilter(is_internal=True).is_empty
    assert not TaskFilter(is_internal=True).must_scan


def test_an_export_has_the_columns_that_were_asked_for(client: APIClient) -> None:
    make_task("FAILED", name="a", error=ERROR)
    csv = b"".join(client.get("/tasks/export", {"fields": "status,errorClass"})).decode()
    assert csv.splitlines() == ["status,errorClass", "FAILED,ValueError"]
    asked = {"format": "ndjson", "fields": "name,status"}
    assert b"".join(client.get("/tasks/export", asked)) == b'{"name":"a","status":"FAILED"}\n'
    response = client.get("/tasks/export", {"fields": "status,bogus"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "fields"
