"""GET /dlq/tasks."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from controlplane.core.clock import now, utc_z
from controlplane.workspaces.models import Workspace
from dlq.models import DeadLetter
from tasks_app.api.base import BoundedPagination
from tests.clients import key_client
from tests.factories import make_error, make_letter, make_task

pytestmark = pytest.mark.django_db
RUN = "018f6f2e-0000-7000-8000-000000000001"


def listed(client: APIClient, **params: Any) -> list[dict[str, Any]]:
    answer = client.get("/dlq/tasks", params)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def names(client: APIClient, **params: Any) -> list[str]:
    return [letter["name"] for letter in listed(client, **params)]


def test_a_letter_says_what_happened(viewer: APIClient) -> None:
    letter = make_letter(make_error("no such order 9"), name="charge", tags=["shop"], priority=7)
    (found,) = listed(viewer)
    assert found == {
        "id": str(letter.id),
        "taskId": str(letter.task_id),
        "name": "charge",
        "type": "test-echo",
        "queue": "default",
        "priority": 7,
        "tags": ["shop"],
        "category": "CODE",
        "fingerprint": letter.fingerprint,
        "error": {"class": "ValueError", "message": "no such order 9", "category": "CODE"},
        "attempts": 1,
        "payload": {"order": 17},
        "diedAt": utc_z(letter.died_at),
        "status": "OPEN",
        "reprocessedTaskId": None,
        "reprocessOf": None,
        "workflowRunId": None,
        "stepKey": None,
        "discardReason": None,
        "resolvedBy": None,
        "resolvedAt": None,
    }


def test_those_that_died_last_come_first(viewer: APIClient) -> None:
    for name in ("a", "b", "c"):
        make_letter(name=name)
    assert names(viewer) == ["c", "b", "a"]
    assert names(viewer, sort="diedAt") == ["a", "b", "c"]
    page = viewer.get("/dlq/tasks/", {"limit": 2}).json()
    assert (page["total"], page["totalIsEstimate"]) == (3, False)
    assert names(viewer, limit=2, cursor=page["nextCursor"]) == ["a"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"category": "NETWORK"}, ["net"]),
        ({"category": "network,CODE"}, ["net", "code"]),
        ({"type": "test-raise"}, ["net"]),
        ({"queue": "mail"}, ["net"]),
        ({"search": "unreachable"}, ["net"]),
        ({"search": "ValueError"}, ["code"]),
        ({"search": "COD"}, ["code"]),
        ({"workflowRunId": RUN}, ["net"]),
        ({"status": "OPEN"}, ["net", "code"]),
        ({"status": "DISCARDED"}, []),
    ],
)
def test_filters(viewer: APIClient, params: dict[str, str], expected: list[str]) -> None:
    make_letter(name="code")
    make_letter(
        make_error("the shop is unreachable", name="ConnectionError", category="NETWORK"),
        name="net",
        type="test-raise",
        queue="mail",
        workflow_run_id=RUN,
        step_key="notify",
    )
    assert names(viewer, **params) == expected


def test_times_ids_and_fingerprints(viewer: APIClient) -> None:
    old, new = make_letter(name="old"), make_letter(make_error(function="refund"), name="new")
    DeadLetter.objects.filter(id=old.id).update(died_at=now() - timedelta(days=2))
    yesterday = utc_z(now() - timedelta(days=1))
    assert names(viewer, since=yesterday) == ["new"]
    assert names(viewer, since="9999-12-31T23:59:59Z") == []
    assert names(viewer, since="0001-01-01T00:00:00Z") == names(viewer)
    assert names(viewer, until="9999-12-31T23:59:59-12:00") == names(viewer)
    assert names(viewer, until=yesterday) == ["old"]
    assert names(viewer, fingerprint=new.fingerprint) == ["new"]
    assert names(viewer, taskId=str(old.task_id)) == ["old"]
    assert names(viewer, id=f"{old.id},{new.id}") == ["new", "old"]
    assert names(viewer, search=str(old.task_id)) == ["old"]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"category": "SLEEPY"}, "category"),
        ({"status": "DEAD"}, "status"),
        ({"since": "yesterday"}, "since"),
        ({"until": "2030-01-01"}, "until"),
        ({"taskId": "17"}, "taskId"),
        ({"nonsense": "1"}, "nonsense"),
        ({"sort": "name"}, "sort"),
        ({"limit": "0"}, "limit"),
        ({"search": "a\x00b"}, "search"),
    ],
)
def test_impossible_filters_are_refused(
    viewer: APIClient, params: dict[str, str], field: str
) -> None:
    answer = viewer.get("/dlq/tasks", params)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_of_the_own_workspace_only(
    viewer: APIClient, stranger: APIClient, other: Workspace
) -> None:
    make_letter(name="ours")
    make_letter(name="theirs", workspace=other)
    assert names(viewer) == ["ours"]
    assert names(stranger) == ["theirs"]
    assert APIClient().get("/dlq/tasks").status_code == 401


def test_a_key_needs_the_scope(db: None) -> None:
    assert key_client(scopes=["tasks:read"]).get("/dlq/tasks").status_code == 403
    assert key_client(scopes=["dlq:read"]).get("/dlq/tasks").status_code == 200


def test_a_page_costs_the_same_whatever_its_length(viewer: APIClient) -> None:
    listed(viewer)  # the first call notes that the key was used
    counts = []
    for _ in range(2):
        for _ in range(3):
            make_letter()
        with CaptureQueriesContext(connection) as queries:
            listed(viewer)
        counts.append(len(queries))
        assert not [q for q in queries if '"attempts",' in q["sql"]]  # the tracebacks stay there
    assert counts[0] == counts[1]


def test_the_browsable_page(viewer: APIClient) -> None:
    letter = make_letter()
    for path in ("/dlq/tasks", f"/dlq/tasks/{letter.id}", "/dlq/stats", "/dlq/groups"):
        answer = viewer.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200
        assert "text/html" in answer["Content-Type"]
    form = viewer.get("/dlq/actions", headers={"Accept": "text/html"})
    assert form.status_code == 405


def test_tasks_name_the_repetition(operator: APIClient) -> None:
    letter = make_letter()
    new = operator.post(f"/dlq/tasks/{letter.id}/reprocess").json()["reprocessedTaskId"]
    assert operator.get(f"/tasks/{letter.task_id}").json()["reprocessedAs"] == [new]
    assert operator.get(f"/tasks/{new}").json()["reprocessOf"] == str(letter.task_id)
    plain = make_task()
    assert operator.get(f"/tasks/{plain.id}").json()["reprocessOf"] is None


def test_a_search_ends_with_the_last_that_is_counted(viewer: APIClient) -> None:
    made = [make_letter(name=f"letter {number}").id for number in range(5)]
    DeadLetter.objects.filter(id__in=made[:3]).update(status="DISCARDED", resolved_at=now())
    address = "/dlq/tasks?status=DISCARDED&limit=2"
    first = viewer.get(address).json()
    assert [row["name"] for row in first["data"]] == ["letter 2", "letter 1"]
    assert (first["total"], first["totalIsEstimate"]) == (3, False)
    second = viewer.get(f"{address}&cursor={first['nextCursor']}").json()
    assert [row["name"] for row in second["data"]] == ["letter 0"]
    assert second["nextCursor"] is None
    assert names(viewer, status="DISCARDED", limit=2, page=2) == ["letter 0"]
    assert names(viewer, status="REPROCESSED") == []


def test_totals_that_nothing_counts_are_exact_up_to_a_bound(
    viewer: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(8):
        make_letter(queue="mail")
    page = viewer.get("/dlq/tasks?queue=mail&limit=2").json()
    assert (page["total"], page["totalIsEstimate"]) == (8, False)
    monkeypatch.setattr(BoundedPagination, "exact_total", 5)
    page = viewer.get("/dlq/tasks?queue=mail&limit=2").json()
    assert page["total"] >= 6
    assert page["totalIsEstimate"]
