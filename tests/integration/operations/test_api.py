"""The HTTP API of bulk operations; `test_routes` has the roles and tenants of its routes."""

from typing import Any

import pytest

from controlplane.ops.operations.models import Operation
from tests.clients import key_client, user_client
from tests.factories import make_task, make_tasks
from tests.operations import drive, drive_to_end

pytestmark = pytest.mark.django_db

CANCEL = {"target": "tasks", "action": "cancel", "filter": {"type": "noop"}}


def preview(client: Any, **body: Any) -> dict[str, Any]:
    answer = client.post("/operations/preview", {**CANCEL, **body}, format="json")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def start(client: Any, token: str, **body: Any) -> Any:
    body = {"token": token, "reason": "a test", **body}
    return client.post("/operations", body, format="json")


def test_from_the_preview_to_the_items() -> None:
    make_tasks(3)
    ended = make_task("COMPLETED")
    client = key_client("operator")

    found = preview(client)
    assert found["matched"] == 3
    assert found["isEstimate"] is False
    assert found["title"] == "Cancel 3 tasks"
    assert found["needsReason"] is True
    assert found["undoneBy"] is None
    assert found["first"][0]["status"] == "PENDING"

    answer = start(client, found["token"], ratePerSecond=50)
    assert answer.status_code == 202
    operation = answer.json()
    assert operation["status"] == "LISTING"
    assert operation["ratePerSecond"] == 50
    assert operation["createdBy"]
    assert operation["selectionInWords"] == "type noop"
    row = Operation.objects.get(id=operation["id"])
    Operation.objects.filter(id=row.id).update(rate_per_second=None)

    drive_to_end(row)

    shown = client.get(f"/operations/{row.id}").json()
    assert (shown["status"], shown["percent"]) == ("COMPLETED", 100)
    assert shown["outcomes"] == {"changed": 3, "unchanged": 0, "refused": 0, "failed": 0}
    listed = client.get("/operations?status=COMPLETED").json()
    assert [each["id"] for each in listed["data"]] == [str(row.id)]
    assert client.get("/operations?status=RUNNING").json()["data"] == []
    page = client.get(f"/operations/{row.id}/items?limit=2").json()
    assert [each["ordinal"] for each in page["data"]] == [1, 2]
    rest = client.get(f"/operations/{row.id}/items?limit=2&cursor={page['nextCursor']}").json()
    assert [each["ordinal"] for each in rest["data"]] == [3]
    refused = client.get(f"/operations/{row.id}/items?outcome=refused").json()
    assert refused["data"] == []
    ended.refresh_from_db()
    assert ended.state == "COMPLETED"


def test_a_set_that_has_changed_is_a_conflict_that_says_how() -> None:
    make_tasks(2)
    client = key_client("operator")
    token = preview(client)["token"]
    make_task()

    answer = start(client, token)

    assert answer.status_code == 409
    assert answer.json()["detail"] == "2 matched then, 3 now."
    assert start(client, token, acceptDrift=True).status_code == 202


def test_the_same_key_and_body_start_it_once() -> None:
    make_task()
    client = key_client("operator")
    token = preview(client)["token"]

    first = start(client, token, idempotencyKey="one")
    drive_to_end(Operation.objects.get())
    second = start(client, token, idempotencyKey="one")

    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]
    assert start(client, token, idempotencyKey="one", reason="other").status_code == 409
    assert Operation.objects.count() == 1


def test_a_token_is_of_no_use_to_another_key() -> None:
    make_task()
    token = preview(key_client("operator"))["token"]

    answer = start(key_client("operator", name="another"), token)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "token"


def test_it_is_paused_resumed_and_cancelled() -> None:
    make_tasks(300)
    client = user_client("operator")
    operation = start(client, preview(client)["token"]).json()["id"]
    row = Operation.objects.get(id=operation)
    drive(row, passes=2)

    paused = client.post(f"/operations/{operation}/pause").json()
    assert paused["pausedAt"]
    assert paused["done"] == 200
    assert client.post(f"/operations/{operation}/resume").json()["pausedAt"] is None
    assert client.post(f"/operations/{operation}/cancel").json()["status"] == "CANCELLED"
    assert client.post(f"/operations/{operation}/cancel").status_code == 409


def test_a_filter_that_is_empty_needs_all() -> None:
    client = key_client("operator")

    answer = client.post(
        "/operations/preview", {"target": "tasks", "action": "cancel", "filter": {}}, format="json"
    )

    assert answer.status_code == 422
    assert '"all": true' in answer.json()["errors"][0]["message"]
