"""The HTTP API of saved views; `test_routes` has the roles and tenants of its routes."""

from typing import Any

import pytest

from controlplane.ops.savedviews.models import SavedView
from controlplane.workspaces.models import AuditEvent
from tests.clients import key_client, other_workspace, user_client

pytestmark = pytest.mark.django_db

FAILED = {"list": "tasks", "name": "Failed", "filters": {"status": ["FAILED"]}}


def save(client: Any, status: int = 201, **body: Any) -> dict[str, Any]:
    answer = client.post("/views", {**FAILED, **body}, format="json")
    assert answer.status_code == status, answer.content
    found: dict[str, Any] = answer.json()
    return found


def names_of(client: Any, query: str = "") -> list[str]:
    return [each["name"] for each in client.get(f"/views{query}").json()["data"]]


def test_a_view_has_the_addresses_that_it_stands_for() -> None:
    client = key_client("operator")
    made = save(
        client,
        name="  Failed   today ",
        filters={"status": "failed", "finishedAfter": "24h", "minPriority": 5},
        sort="-finishedAt",
        columns=["queue", "type"],
    )
    assert made["name"] == "Failed today"
    assert made["filters"] == {
        "finishedAfter": ["24h"], "minPriority": ["5"], "status": ["FAILED"],
    }  # fmt: skip
    query = "finishedAfter=24h&minPriority=5&status=FAILED&sort=-finishedAt"
    assert made["api"] == f"/tasks?{query}"
    assert made["page"] == (
        f"/admin/tasks_app/task/?{query}&columns=type,queue&workspace=default&saved={made['id']}"
    )
    assert made["problems"] == []
    assert client.get(made["api"]).status_code == 200
    assert client.get(f"/views/{made['id']}").json() == made


def test_the_lists_say_what_a_view_may_have() -> None:
    lists = {
        each["name"]: each for each in key_client("viewer").get("/views/lists").json()["lists"]
    }
    tasks = lists["tasks"]
    assert tasks["moreFilters"] == "payload."
    assert "-finishedAt" in tasks["sorts"]
    assert [each["key"] for each in tasks["shipped"]] == [
        "failing-now", "stuck", "waiting-long", "slowest", "mine",
    ]  # fmt: skip
    readers = key_client("admin")
    for each in lists.values():
        for shipped in each["shipped"]:
            if shipped["api"]:
                assert readers.get(shipped["api"]).status_code == 200, shipped


def test_a_private_view_is_nobody_elses() -> None:
    ada, bob = user_client("viewer"), user_client("admin", username="bob")
    mine = save(ada)
    assert names_of(ada) == ["Failed"]
    assert names_of(bob) == []
    assert bob.get(f"/views/{mine['id']}").status_code == 404
    assert bob.patch(f"/views/{mine['id']}", {"name": "x"}, format="json").status_code == 404
    assert bob.delete(f"/views/{mine['id']}").status_code == 404
    assert save(bob)["id"] != mine["id"]  # the same name


def test_another_workspace_sees_no_view() -> None:
    shared = save(key_client("operator"), isShared=True)
    stranger = key_client("admin", workspace=other_workspace())
    assert names_of(stranger) == []
    assert stranger.get(f"/views/{shared['id']}").status_code == 404
    assert stranger.delete(f"/views/{shared['id']}").status_code == 404


def test_sharing_needs_an_operator_and_taking_away_the_owner_or_an_admin() -> None:
    viewer = user_client("viewer")
    assert viewer.post("/views", {**FAILED, "isShared": True}, format="json").status_code == 403
    mine = save(viewer)
    address = f"/views/{mine['id']}"
    assert viewer.patch(address, {"isShared": True}, format="json").status_code == 403

    owner, other = user_client("operator", username="bob"), user_client("operator", username="cy")
    shared = save(owner, isShared=True)
    address = f"/views/{shared['id']}"
    assert names_of(viewer) == ["Failed", "Failed"]
    assert viewer.patch(address, {"name": "x"}, format="json").status_code == 403
    assert other.patch(address, {"name": "Ours"}, format="json").status_code == 200
    assert other.patch(address, {"isShared": False}, format="json").status_code == 403
    assert other.delete(address).status_code == 403
    admin = user_client("admin", username="dee")
    assert admin.patch(address, {"isShared": False}, format="json").json()["owner"]["name"] == "bob"
    assert admin.get(address).status_code == 404  # it is its owner's again
    assert owner.delete(address).status_code == 204


def test_names_are_unique_among_ones_own_and_among_the_shared() -> None:
    client = key_client("operator")
    save(client)
    problem = save(client, 409, name="FAILED")
    assert problem["errors"][0]["field"] == "name"
    save(client, isShared=True)
    save(key_client("operator"), 409, isShared=True)
    save(client, list="dead-letters", filters={"status": "OPEN"})


def test_a_change_says_what_it_changes_and_for_which_version() -> None:
    client = key_client("operator")
    made = save(client, sort="-finishedAt")
    address = f"/views/{made['id']}"
    changed = client.patch(
        address, {"filters": {"type": "noop"}, "version": 1}, format="json"
    ).json()
    assert (changed["version"], changed["sort"]) == (2, "-finishedAt")
    stale = client.patch(address, {"name": "x", "version": 1}, format="json")
    assert stale.status_code == 409
    assert "version 2" in stale.json()["detail"]
    same = client.patch(address, {"filters": {"type": ["noop"]}}, format="json").json()
    assert same["version"] == 2
    assert client.delete(address).status_code == 204
    events = AuditEvent.objects.filter(target_id=made["id"]).order_by("id")
    assert [each.action for each in events] == ["view.create", "view.change", "view.delete"]
    assert events[1].detail["changes"] == {
        "filters": {"before": {"status": ["FAILED"]}, "after": {"type": ["noop"]}},
    }  # fmt: skip


def test_a_filter_that_no_longer_exists_is_named() -> None:
    client = key_client("operator")
    made = save(client)
    SavedView.objects.filter(id=made["id"]).update(
        filters={"status": ["FAILED"], "colour": ["red"]}
    )
    shown = client.get(f"/views/{made['id']}").json()
    assert shown["problems"][0]["field"] == "filters.colour"
    assert shown["filters"] == {"status": ["FAILED"], "colour": ["red"]}
    assert "colour" not in shown["page"]
    fixed = client.patch(f"/views/{made['id']}", {"sort": "name"}, format="json").json()
    assert fixed["problems"] == []
    SavedView.objects.filter(id=made["id"]).update(list_name="colours")
    shown = client.get(f"/views/{made['id']}").json()
    assert (shown["page"], shown["api"]) == (None, None)
    assert client.patch(f"/views/{made['id']}", {"sort": ""}, format="json").status_code == 409


def test_what_a_list_does_not_have_is_refused() -> None:
    client = key_client("operator")
    problem = save(client, 422, filters={"colour": "red", "status": "BOGUS"}, sort="hue")
    assert [each["field"] for each in problem["errors"]] == [
        "filters.colour", "filters.status", "sort",
    ]  # fmt: skip
    assert save(client, 422, list="colours")["errors"][0]["field"] == "list"
    assert save(client, 422, name="a\u202eb")["errors"][0]["field"] == "name"


def test_a_key_of_idempotency_saves_once() -> None:
    client = key_client("operator")
    first = save(client, idempotencyKey="one")
    assert save(client, 200, idempotencyKey="one") == first
    save(client, 409, idempotencyKey="one", name="Other")
    assert SavedView.objects.count() == 1


def test_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.ops.savedviews.editing.MAX_OWN", 1)
    monkeypatch.setattr("controlplane.ops.savedviews.editing.MAX_SHARED", 1)
    client = key_client("operator")
    save(client)
    assert "at most 1" in save(client, 422, name="Second")["detail"]
    save(client, isShared=True)
    assert "at most 1" in save(client, 422, name="Second", isShared=True)["detail"]
    save(key_client("operator"))


def test_views_are_listed_by_list_and_page() -> None:
    client = key_client("operator")
    for number in range(3):
        save(client, name=f"View {number}")
    save(client, list="queues", filters={"show": "paused"})
    assert names_of(client, "?list=tasks") == ["View 2", "View 1", "View 0"]
    first = client.get("/views?list=tasks&limit=2").json()
    second = client.get(f"/views?list=tasks&limit=2&cursor={first['nextCursor']}").json()
    assert [each["name"] for each in second["data"]] == ["View 0"]
    assert client.get("/views?colour=red").status_code == 422


def test_a_link_with_an_age_means_the_same_in_the_api() -> None:
    client = key_client("viewer")
    for query in ("/tasks?finishedAfter=1h", "/dlq/tasks?since=7d", "/audit?createdAfter=999999d"):
        assert client.get(query).status_code in (200, 403), query
    assert client.get("/tasks?createdAfter=1y").status_code == 422
    body = {"action": "cancel", "filter": {"createdAfter": "1h"}, "dryRun": True}
    refused = key_client("operator").post("/tasks/actions", body, format="json")
    assert refused.status_code == 422  # what it selects must not move
