"""Checking a definition holds no database connection."""

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from tests.clients import key_client
from workflows import authoring

BODY = {"name": "flow", "tasks": [{"key": "a", "type": "noop"}]}


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_a_definition_is_checked_without_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    client: APIClient = key_client("operator")
    held: list[bool] = []
    parse = authoring.parse_definition

    def note(body: Any) -> Any:
        held.append(connection.connection is not None)
        return parse(body)

    monkeypatch.setattr(authoring, "parse_definition", note)
    assert client.post("/workflows/validate", BODY).status_code == 200
    made = client.post("/workflows", BODY)
    assert made.status_code == 201
    assert client.put(f"/workflows/{made.json()['id']}", BODY).status_code == 200
    for status in (201, 200):
        keyed = {**BODY, "name": "other", "idempotencyKey": "k"}
        assert client.post("/workflows", keyed).status_code == status
    assert held == [False] * 5
