"""The HTTP API of keys and of the audit log."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from controlplane.core.clock import now, utc_z
from controlplane.workspaces.models import ApiKey, AuditEvent
from tests.clients import key_client, other_workspace

pytestmark = pytest.mark.django_db


def test_a_key_is_made_and_shown_once() -> None:
    client = key_client()
    expires = now() + timedelta(days=1)
    body = {
        "name": "ci",
        "role": "operator",
        "scopes": ["tasks:write"],
        "expiresAt": utc_z(expires),
    }
    response = client.post("/api-keys", body)
    assert response.status_code == 201
    made = response.json()
    assert made["name"] == "ci"
    assert made["key"].startswith(made["prefix"])
    assert made["expiresAt"] == utc_z(expires)
    assert made["lastUsedAt"] is None
    shown = client.get(f"/api-keys/{made['id']}").json()
    assert shown == {k: v for k, v in made.items() if k != "key"}
    new = APIClient(headers={"Authorization": f"Bearer {made['key']}"})
    assert new.get("/workspaces/current").status_code == 403  # not in its scopes
    assert made["key"] not in client.get("/audit").content.decode()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": None}, "name"),
        ({"name": {"a": 1}}, "name"),
        ({"role": "root"}, "role"),
        ({"scopes": ["tasks"]}, "scopes[0]"),
        ({"scopes": ["tasks:read", "Tasks:read"]}, "scopes[1]"),
        ({"scopes": ["tasks:read"] * 51}, "scopes"),
        ({"scopes": "tasks:read"}, "scopes"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": "tomorrow"}, "expiresAt"),
        ({"workspace": "other"}, "workspace"),
        ({"secret_hash": "0" * 64}, "secret_hash"),
    ],
)
def test_a_wrong_key_is_422_and_not_made(change: dict[str, Any], field: str) -> None:
    client = key_client()
    before = ApiKey.objects.count()
    response = client.post("/api-keys", {"name": "ci", **change})
    assert response.status_code == 422
    assert field in [error["field"] for error in response.json()["errors"]]
    assert ApiKey.objects.count() == before


def test_a_key_is_revoked_once() -> None:
    client = key_client()
    made = client.post("/api-keys", {"name": "ci"}).json()
    response = client.delete(f"/api-keys/{made['id']}")
    assert response.status_code == 200
    assert response.json()["revokedAt"]
    assert client.delete(f"/api-keys/{made['id']}").status_code == 409
    listed = client.get("/api-keys").json()["data"]
    assert [k["revokedAt"] is None for k in listed] == [False, True]


def test_what_was_done_is_in_the_log() -> None:
    client = key_client()
    headers = {"X-Request-ID": "req-1"}
    made = client.post("/api-keys", {"name": "ci"}, headers=headers).json()
    event = client.get("/audit", {"limit": 1}).json()["data"][0]
    assert event == {
        "id": event["id"],
        "actor": {
            "kind": "key",
            "id": str(client.api_key.id),
            "name": f"a test ({client.api_key.prefix})",
        },
        "action": "api_key.create",
        "targetType": "api_key",
        "targetId": made["id"],
        "detail": {"name": "ci", "role": "operator", "prefix": made["prefix"], "scopes": []},
        "reason": "",
        "changes": [],
        "door": "api",
        "requestId": "req-1",
        "ip": "127.0.0.1",
        "createdAt": event["createdAt"],
    }


def test_the_log_is_filtered() -> None:
    client = key_client()
    made = client.post("/api-keys", {"name": "ci"}).json()
    client.delete(f"/api-keys/{made['id']}")

    def actions(**params: str) -> list[str]:
        response = client.get("/audit", params)
        assert response.status_code == 200
        return [event["action"] for event in response.json()["data"]]

    assert actions(targetId=made["id"]) == ["api_key.revoke", "api_key.create"]
    assert actions(action="api_key.revoke") == ["api_key.revoke"]
    assert len(actions(actorId=str(client.api_key.id), targetType="api_key")) == 2
    assert actions(createdAfter=utc_z(now() + timedelta(hours=1))) == []
    assert len(actions(createdBefore=utc_z(now() + timedelta(hours=1)))) == 3
    assert len(actions(createdAfter="0001-01-01T00:00:00+14:00")) == 3
    assert len(actions(createdBefore="9999-12-31T23:59:59-12:00")) == 3
    assert len(actions(limit="2", sort="createdAt")) == 2


@pytest.mark.parametrize("query", ["colour=red", "createdAfter=x", "action=", "action=%00"])
def test_a_wrong_filter_is_422(query: str) -> None:
    assert key_client().get(f"/audit?{query}").status_code == 422


@pytest.mark.parametrize("path", ["/workspaces/current", "/api-keys", "/audit"])
def test_every_list_is_a_page_in_a_browser(path: str) -> None:
    response = key_client().get(path, headers={"Accept": "text/html"})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")


def test_nothing_of_this_may_be_kept_by_a_cache() -> None:
    assert key_client().get("/api-keys").headers["Cache-Control"] == "private, no-store"


def test_both_forms_of_a_path_are_one() -> None:
    client = key_client()
    assert client.get("/api-keys/").json() == client.get("/api-keys").json()
    assert AuditEvent.objects.exists()


def test_members_are_managed_by_admins() -> None:
    client = key_client()
    get_user_model().objects.create_user("ada")
    made = client.post("/members", {"user": "ada", "role": "viewer"})
    assert made.status_code == 201
    member = made.json()
    assert (member["user"], member["role"], member["isActive"]) == ("ada", "viewer", True)
    again = client.post("/members", {"user": "ada", "role": "viewer"})
    assert again.status_code == 409
    unknown = client.post("/members", {"user": "nobody", "role": "viewer"})
    assert unknown.json()["errors"][0]["field"] == "user"
    changed = client.patch(f"/members/{member['id']}", {"role": "admin"})
    assert changed.json()["role"] == "admin"
    assert [each["user"] for each in client.get("/members").json()["data"]] == ["ada"]
    last = client.delete(f"/members/{member['id']}")
    assert (last.status_code, "last administrator" in last.json()["detail"]) == (409, True)
    event = client.get("/audit", {"action": "member.change", "by": "keys"}).json()["data"][0]
    assert event["changes"] == [{"field": "role", "before": "viewer", "after": "admin"}]
    elsewhere = key_client(workspace=other_workspace())
    assert elsewhere.delete(f"/members/{member['id']}").status_code == 404


@pytest.mark.parametrize(
    ("query", "count"),
    [({"by": "keys"}, 1), ({"by": "system"}, 2), ({"by": "people,system"}, 2), ({"door": "api"}, 1),
     ({"requestId": "req-1"}, 1), ({"search": "CI"}, 1), ({"action": "api_key.create,x"}, 3)],
)  # fmt: skip
def test_the_filters_of_the_log_are_those_of_the_pages(query: dict[str, str], count: int) -> None:
    client = key_client(name="one")
    key_client(name="two")
    client.post("/api-keys", {"name": "ci"}, headers={"X-Request-ID": "req-1"})
    assert len(client.get("/audit", query).json()["data"]) == count
