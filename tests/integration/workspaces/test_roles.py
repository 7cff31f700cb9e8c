"""Every method with every role, with a key and with a session."""

import pytest
from rest_framework.test import APIClient

from tests.clients import key_client, other_workspace, user_client

pytestmark = pytest.mark.django_db

ALLOWED = {
    ("viewer", "get"): True,
    ("viewer", "options"): True,
    ("viewer", "post"): False,
    ("viewer", "patch"): False,
    ("viewer", "delete"): False,
    ("operator", "get"): True,
    ("operator", "post"): True,
    ("operator", "patch"): True,
    ("operator", "delete"): True,
    ("admin", "get"): True,
    ("admin", "delete"): True,
}


@pytest.mark.urls("tests.integration.core.urls")
@pytest.mark.parametrize("kind", ["key", "session"])
@pytest.mark.parametrize(("role", "method"), ALLOWED)
def test_the_default_roles_of_a_view(kind: str, role: str, method: str) -> None:
    client = key_client(role) if kind == "key" else user_client(role)
    response = getattr(client, method)("/tasks")
    assert response.status_code == (200 if ALLOWED[role, method] else 403)
    if not ALLOWED[role, method]:
        assert response.json()["detail"] == "This needs the role operator; yours is viewer."


ADMIN_ONLY = [
    ("get", "/api-keys"),
    ("post", "/api-keys"),
    ("get", "/api-keys/01a20ef2-5006-745e-a586-696f3e7b6abc"),
    ("delete", "/api-keys/01a20ef2-5006-745e-a586-696f3e7b6abc"),
    ("get", "/audit"),
]


@pytest.mark.parametrize(("method", "path"), ADMIN_ONLY)
def test_keys_and_the_log_are_for_admins(method: str, path: str) -> None:
    assert getattr(APIClient(), method)(path).status_code == 401
    for role in ("viewer", "operator"):
        assert getattr(key_client(role), method)(path).status_code == 403
    # 404 and 422 are answers to somebody who may ask.
    assert getattr(key_client("admin"), method)(path).status_code in (200, 404, 422)


@pytest.mark.urls("tests.integration.core.urls")
def test_scopes_narrow_what_a_role_may() -> None:
    reader = key_client("admin", scopes=["tasks:read"])
    assert reader.get("/tasks").status_code == 200
    response = reader.post("/tasks")
    assert response.status_code == 403
    assert response.json()["detail"] == "This key has no scope tasks:write."
    assert reader.get("/audit-list").status_code == 403
    # A scope gives nothing that the role has not.
    assert key_client("viewer", scopes=["tasks:write"]).post("/tasks").status_code == 403


def test_an_admin_of_one_workspace_is_nobody_in_another() -> None:
    here, there = key_client(), key_client(workspace=other_workspace())
    path = f"/api-keys/{there.api_key.id}"
    assert here.get(path).status_code == 404
    assert here.delete(path).status_code == 404
    assert there.get(path).status_code == 200
    assert here.get(path).json()["detail"] == f"There is no API key {there.api_key.id}."
    for listing in ("/api-keys", "/audit"):
        ids = {row["id"] for row in here.get(listing).json()["data"]}
        assert ids.isdisjoint({row["id"] for row in there.get(listing).json()["data"]})
    assert str(there.api_key.id) not in here.get("/audit").content.decode()
