"""Bodies over HTTP, and rate limits."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.clients import key_client, other_workspace

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.integration.core.urls")]


def post(body: bytes, **headers: str) -> Any:
    return APIClient().post("/api/x", body, content_type="application/json", headers=headers)


def test_json_arrives() -> None:
    assert post(b'{"a": [1, 2.5, null, "\xc3\xa9"]}').json() == {"got": {"a": [1, 2.5, None, "é"]}}


def test_no_body_is_an_empty_object() -> None:
    assert APIClient().post("/api/x").json() == {"got": {}}


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"{", 400, "not JSON"),
        (b'{"a": NaN}', 400, "NaN is not a JSON number"),
        (b"\xff", 400, "not UTF-8"),
        (b"[" * 2_000 + b"]" * 2_000, 422, "the limit is 32 levels"),
        (b'["\\u0000"]', 422, "U+0000"),
        (b'["\\ud800"]', 422, "surrogate"),
        (b"[1e200000]", 422, "double"),
        (b'{"a": 1, "a": 2}', 422, "a: This key occurs twice."),
    ],
)
def test_hostile_bodies_are_refused_with_a_sentence(
    body: bytes, status: int, sentence: str
) -> None:
    response = post(body)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert sentence in response.json()["detail"]


def test_too_many_bytes_are_413_whatever_django_thinks(settings: Any) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "BODY_MAX_BYTES": 2_000}
    for django_limit in (None, 10, 1_000_000):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = django_limit
        assert post(b'"' + b"x" * 1_998 + b'"').status_code == 200
        response = post(b'"' + b"x" * 1_999 + b'"')
        assert response.status_code == 413
        assert "2000 bytes" in response.json()["detail"]


def test_limits_are_counted_per_key_and_shown_on_every_answer(settings: Any) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "RATE_LIMIT_PER_KEY": 3}
    client, other = key_client(), key_client()
    answers = [client.get("/tasks") for _ in range(5)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
    assert [a.headers["RateLimit-Remaining"] for a in answers] == ["2", "1", "0", "0", "0"]
    assert {a.headers["RateLimit-Limit"] for a in answers} == {"3"}
    assert all(1 <= int(a.headers["RateLimit-Reset"]) <= 60 for a in answers)
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].json()["title"] == "Too many requests"
    assert other.get("/tasks").status_code == 200


def test_limits_are_counted_per_workspace(settings: Any) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "RATE_LIMIT_PER_WORKSPACE": 2}
    busy = other_workspace("busy")
    clients = [key_client(workspace=busy) for _ in range(3)]
    assert [c.get("/tasks").status_code for c in clients] == [200, 200, 429]
    assert key_client(workspace=other_workspace("calm")).get("/tasks").status_code == 200


def test_no_limit_is_no_header(settings: Any) -> None:
    settings.TASKPLANE = {
        **settings.TASKPLANE,
        "RATE_LIMIT_PER_KEY": 0,
        "RATE_LIMIT_PER_WORKSPACE": 0,
    }
    assert "RateLimit-Limit" not in key_client().get("/tasks").headers


def test_a_refused_role_is_not_let_in_by_the_limiter() -> None:
    client = key_client("viewer")
    assert client.post("/tasks", json.dumps({}), content_type="application/json").status_code == 403
