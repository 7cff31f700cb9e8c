"""GET /tasks."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.clock import now, utc_z
from controlplane.core.ids import first_id_of, uuid7
from controlplane.workspaces.models import Workspace
from tasks_app.api import base
from tasks_app.filters import TaskFilter
from tasks_app.queries import counts, lists, pages
from tests.factories import make_attempt, make_node, make_task, make_tasks

pytestmark = pytest.mark.django_db


def names(client: APIClient, query: str) -> list[str]:
    answer = client.get(f"/tasks?{query}")
    assert answer.status_code == 200, answer.content
    return [task["name"] for task in answer.json()["data"]]


@pytest.fixture
def mixed(workspace: Workspace) -> None:
    run = "018f6f2e-1111-7000-8000-000000000000"
    make_task(name="one", payload={"city": "Bern", "n": 5, "deep": {"a": [1, {"b": True}]}})
    make_task("RUNNING", name="two", type="sleep", queue="mail", tags=["x", "y"], priority=5)
    make_task("FAILED", name="three", type="cpu", tags=["y"], payload={"n": "5"}, priority=-5)
    make_task("COMPLETED", name="four 100%", payload={"city": "Paris, Rome"}, workflow_run_id=run)
    make_task("BLOCKED", name="five", queue="mail", payload={"ok": None}, idempotency_key="key-5")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["five", "four 100%", "three", "two", "one"]),
        ("status=FAILED", ["three"]),
        ("status=failed,RUNNING", ["three", "two"]),
        ("status=FAILED&status=RUNNING", ["three", "two"]),
        ("type=sleep,cpu", ["three", "two"]),
        ("queue=mail", ["five", "two"]),
        ("queue=nowhere", []),
        ("tag=x", ["two"]),
        ("tag=x,y", ["three", "two"]),
        ("tag=z", []),
        ("createdAfter=0001-01-01T00:00:00Z", ["five", "four 100%", "three", "two", "one"]),
        ("createdAfter=0001-01-01T00:00:00%2B14:00&status=FAILED", ["three"]),
        ("createdBefore=0001-01-01T00:00:00Z", []),
        ("createdBefore=9999-12-31T23:59:59Z&status=FAILED", ["three"]),
        ("createdBefore=9999-12-31t23:59:59-12:00&status=FAILED", ["three"]),
        ("createdAfter=9999-12-31T23:59:59Z", []),
        ("search=thr", ["three"]),
        ("search=SLEEP", ["two"]),
        ("search=100%25", ["four 100%"]),
        ("search=key-5", ["five"]),
        ("search=nothing", []),
        ("minPriority=0", ["five", "four 100%", "two", "one"]),
        ("minPriority=5", ["two"]),
        ("minPriority=-100", ["five", "four 100%", "three", "two", "one"]),
        ("workflowRunId=018f6f2e-1111-7000-8000-000000000000", ["four 100%"]),
        ("payload.city=Bern", ["one"]),
        ("payload.city=Bern,Basel", ["one"]),
        (f"payload.city={quote(chr(34) + 'Paris, Rome' + chr(34))}", ["four 100%"]),
        ("payload.n=5", ["three", "one"]),
        ("payload.n=%225%22", ["three"]),
        ("payload.n=6", []),
        ("payload.ok=null", ["five"]),
        ("payload.city=Bern&payload.n=5", ["one"]),
        ("payload.city=Bern&status=FAILED", []),
        ("type=noop&queue=default&status=PENDING", ["one"]),
        ("format=json&status=FAILED", ["three"]),
        ("sort=createdAt&limit=2", ["one", "two"]),
        ("sort=-priority&limit=1", ["two"]),
        ("sort=priority&limit=1", ["three"]),
        ("sort=name&limit=2", ["five", "four 100%"]),
    ],
)
def test_filters(client: APIClient, mixed: None, query: str, expected: list[str]) -> None:
    assert names(client, query) == expected


TAGS = ["a,b", "a", '"', '"a,b"', 'say, "hi"', "\\", ",", " x ", '"unclosed']


@pytest.mark.parametrize("tag", TAGS)
def test_every_tag_that_a_task_has_can_be_filtered_by(client: APIClient, tag: str) -> None:
    for each in TAGS:
        assert (
            client.post("/tasks", {"type": "noop", "name": each, "tags": [each]}).status_code == 201
        )
    as_json_string = json.dumps(tag)
    assert names(client, urlencode({"tag": as_json_string})) == [tag]
    assert names(client, urlencode({"tag": f"nothing,{as_json_string},z"})) == [tag]
    assert names(client, urlencode({"tag": [as_json_string, "nothing"]}, doseq=True)) == [tag]
    if "," not in tag and not tag.startswith('"'):
        assert names(client, urlencode({"tag": tag})) == [tag]
    dry_run = {"action": "cancel", "filter": {"tag": tag}, "dryRun": True}
    assert client.post("/tasks/actions", dry_run).json()["matched"] == 1


def test_a_payload_filter_names_any_key_and_any_text(client: APIClient) -> None:
    make_task(name="dots", payload={"customer.id": 7, "a": {"b.c": {"d": "x,y"}}})
    make_task(name="levels", payload={"customer": {"id": 7}, "a": {"b": {"c": {"d": "x"}}}})
    make_task(name="quotes", payload={'say "hi"': "x", "": 1})
    for path, value, expected in [
        ("customer.id", "7", ["levels"]),
        ('"customer.id"', "7", ["dots"]),
        ('a."b.c".d', '"x,y"', ["dots"]),
        ('a."b.c".d', 'z,"x,y"', ["dots"]),
        ('a."b.c".d', "x,y", []),
        ("a.b.c.d", "x,y", ["levels"]),
        (json.dumps('say "hi"'), "x", ["quotes"]),
        ('""', "1", ["quotes"]),
    ]:
        assert names(client, urlencode({f"payload.{path}": value})) == expected, (path, value)


@pytest.mark.parametrize(
    "number", ["1e20", "1E+20", "100000000000000000000", "100000000000000000000.0"]
)
def test_a_payload_filter_compares_numbers_by_value(client: APIClient, number: str) -> None:
    client.post("/tasks", {"type": "test-echo", "name": "large", "payload": {"x": 1e20}})
    client.post("/tasks", {"type": "test-echo", "name": "text", "payload": {"x": number}})
    assert names(client, urlencode({"payload.x": number})) == ["text", "large"]


def test_times_of_creation(client: APIClient) -> None:
    for hours in (3, 2, 1):
        make_task(name=f"-{hours}h", created_at=now() - timedelta(hours=hours))
    # An id says another time than created_at when a test invents it; real ones agree.
    cut = now() - timedelta(hours=2.5)
    old_id = first_id_of(now() - timedelta(hours=3))
    make_task(name="old", id=old_id, created_at=now() - timedelta(hours=3))
    assert names(client, f"createdBefore={utc_z(cut)}") == ["old"]
    assert "old" not in names(client, f"createdAfter={utc_z(cut)}")
    offset = (now() - timedelta(hours=2.5)).isoformat(timespec="seconds")  # with an unescaped +
    assert "-2h" in names(client, f"createdAfter={offset}")


def test_ids(client: APIClient) -> None:
    tasks = [make_task(name=str(n)) for n in range(3)]
    assert names(client, f"id={tasks[0].id},{tasks[2].id},{uuid7()}") == ["2", "0"]
    assert names(client, f"search={tasks[1].id}") == ["1"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("stauts=FAILED", "stauts"),
        ("status=WHATEVER", "status"),
        ("status=", "status"),
        ("minPriority=high", "minPriority"),
        ("minPriority=101", "minPriority"),
        ("minPriority=1,2", "minPriority"),
        ("createdAfter=yesterday", "createdAfter"),
        ("createdAfter=2026-01-01T00:00:00", "createdAfter"),
        ("workflowRunId=5", "workflowRunId"),
        ("id=5", "id"),
        ("payload.=5", "payload."),
        ("payload.a..b=5", "payload.a..b"),
        ("payload.a=%00", "payload.a"),
        ("payload." + "a." * 40 + "b=1", ("payload." + "a." * 40 + "b")),
        ("&".join(f"payload.x{n}=1" for n in range(11)), "payload"),
        ("type=%00", "type"),
        ("search=" + "x" * 1001, "search"),
        ("type=" + ",".join("x" for _ in range(201)), "type"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("page=0", "page"),
        ("page=9999", "page"),
        ("cursor=nonsense", "cursor"),
        ("sort=payload", "sort"),
    ],
)
def test_what_is_wrong_is_named(client: APIClient, query: str, field: str) -> None:
    answer = client.get(f"/tasks?{query}")
    assert answer.status_code == 422, answer.content
    assert answer.json()["errors"][0]["field"] == field


def test_pages_and_cursors(client: APIClient) -> None:
    for n in range(7):
        make_task(name=str(n))
    first = client.get("/tasks?limit=3").json()
    assert (first["page"], first["limit"], first["total"]) == (1, 3, 7)
    assert first["totalIsEstimate"] is False
    by_page = names(client, "limit=3&page=2")
    by_cursor = client.get(f"/tasks?limit=3&cursor={first['nextCursor']}").json()
    assert by_page == [task["name"] for task in by_cursor["data"]] == ["3", "2", "1"]
    last = client.get(f"/tasks?limit=3&cursor={by_cursor['nextCursor']}").json()
    assert ([task["name"] for task in last["data"]], last["nextCursor"]) == (["0"], None)


def test_a_long_count_becomes_a_guess(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        make_task(name=str(n))
    monkeypatch.setattr(base, "_COUNT_SECONDS", 0.001)
    monkeypatch.setattr(base, "count_or_estimate", _slow)
    body = client.get("/tasks?limit=1&minPriority=0").json()
    assert body["totalIsEstimate"] is True
    assert len(body["data"]) == 1


@pytest.mark.parametrize("most_changes", [pages.MAX_CHANGES, 0])
@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("", 6),
        ("internal=true", 7),
        ("type=noop", 5),
        ("type=noop,sleep&queue=one,two", 4),
        ("type=workflow-join", 1),
        ("queue=one&status=PENDING", 1),
        ("status=PENDING", 4),
        ("status=PENDING&internal=true", 5),
        ("status=COMPLETED,PENDING&queue=two", 2),
        ("status=COMPLETED,CANCELLED", 1),
        ("status=FAILED&queue=two&type=noop", 1),
        ("status=COMPLETED,FAILED&type=noop", 2),
    ],
)
def test_the_total_of_a_long_list_is_exact(
    client: APIClient, monkeypatch: pytest.MonkeyPatch, query: str, total: int, most_changes: int
) -> None:
    """From the counts of tasks, unless too many of their changes wait; then from the rows."""
    make_task(queue="one")
    make_task(queue="two")
    make_task()
    make_task(type="sleep")
    make_task(type="workflow-join")
    make_task("COMPLETED", queue="two")
    make_task("FAILED", queue="two")
    monkeypatch.setattr(pages, "MAX_CHANGES", most_changes)
    monkeypatch.setattr(counts, "FEW_COUNTED", 2)
    body = client.get(f"/tasks?limit=1&sort=name&{query}").json()
    assert (body["total"], body["totalIsEstimate"]) == (total, False)
    behind = client.get(f"/tasks?limit=1&page=2&{query}").json()
    assert (behind["total"], len(behind["data"])) == (total, min(1, total - 1))


def _slow(*_: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1)")


def test_a_search_that_takes_too_long_ends_with_advice(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_task(payload={"n": 1})
    bounded = lists.in_bounded_time
    monkeypatch.setattr("tasks_app.queries.in_bounded_time", lambda: bounded(0.05))
    monkeypatch.setattr("tasks_app.queries.list_tasks", _slow)
    answer = client.get("/tasks?payload.n=1")
    assert answer.status_code == 422
    assert "createdAfter" in answer.json()["detail"]


def test_lists_use_their_indexes(workspace: Workspace, other: Workspace) -> None:
    make_task()
    make_task(workspace=other)
    make_tasks(1_500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_app_task")
    everything = TaskFilter()
    plan = lists.list_tasks(other.id, everything).order_by("-id")[:20].explain()
    assert "task_list" in plan
    plan = lists.list_tasks(workspace.id, everything).order_by("-id")[:20].explain()
    assert "Index Scan Backward" in plan
    assert "Sort" not in plan


def test_a_page_costs_a_fixed_number_of_queries(client: APIClient) -> None:
    client.get("/tasks")
    counts = []
    for _ in range(2):
        for _ in range(10):
            task = make_task("COMPLETED", parents=[make_task("COMPLETED")])
            make_attempt(task)
        with CaptureQueriesContext(connection) as queries:
            client.get("/tasks?limit=100")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 2


def test_nodes_and_parents_are_shown(client: APIClient) -> None:
    node = make_node("worker-7")
    parent = make_task("COMPLETED", name="parent")
    make_attempt(parent, node_id=node.id)
    make_task("RUNNING", name="child", node_id=node.id, parents=[parent])
    child, above = client.get("/tasks").json()["data"]
    assert (child["workerNode"], child["dependsOn"]) == ("worker-7", [str(parent.id)])
    assert (above["workerNode"], above["dependsOn"]) == ("worker-7", [])
    assert child["processingMs"] >= 0
    assert child["waitMs"] >= 0


def test_only_the_own_workspace(client: APIClient, stranger: APIClient, other: Workspace) -> None:
    make_task(name="mine")
    make_task(name="theirs", workspace=other)
    assert names(client, "") == ["mine"]
    assert names(stranger, "") == ["theirs"]
    assert names(client, "search=theirs") == []
