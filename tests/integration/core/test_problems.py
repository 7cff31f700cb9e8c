"""Every error is a problem in JSON, with the status that it deserves; garbage is never a 500."""

import json
from typing import Any

import pytest
from django.db import close_old_connections
from django.test import Client
from rest_framework.test import APIClient

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.integration.core.urls")]

EXPECTED = {
    "not-found": (404, "Not found", "There is no task 5."),
    "conflict": (409, "Conflict", "It has ended."),
    "invalid": (422, "Invalid request", "tasks[3].type: Unknown."),
    "too-large": (413, "Too large", "The limit is 5."),
    "unavailable": (503, "Unavailable", "Unavailable."),
    "drf-validation": (422, "Invalid request", "a[1].b: Wrong."),
    "drf-parse": (400, "Bad request", "No JSON."),
    "drf-throttled": (429, "Too many requests", "Request was throttled."),
    "drf-forbidden": (403, "Forbidden", "Not you."),
    "http404": (404, "Not found", "This address does not exist."),
    "django-forbidden": (403, "Forbidden", "This is not allowed."),
    "django-bad-request": (400, "Bad request", "Odd."),
    "django-too-big": (413, "Too large", "The body exceeds the limit of this server."),
    "django-validation": (422, "Invalid request", "name: Too odd. (and 1 more)"),
    "django-validation-plain": (422, "Invalid request", "Never."),
    "operational": (503, "Unavailable", "The database is not available at the moment."),
    "pool-timeout": (503, "Unavailable", "The database is not available at the moment."),
    "pg-nul": (422, "Invalid request", "A value has characters or a size that"),
    "pg-range": (422, "Invalid request", "A value has characters or a size that"),
    "pg-timeout": (503, "Unavailable", "The database took too long to answer"),
}


@pytest.fixture
def client() -> APIClient:
    return APIClient(raise_request_exception=False)


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.content)
    assert body["status"] == status
    assert body["requestId"] == response.headers["X-Request-ID"]
    assert body["type"].startswith("urn:taskplane:problem:")
    return body


@pytest.mark.parametrize(("way", "expected"), EXPECTED.items(), ids=EXPECTED.keys())
def test_each_error_of_the_api(client: APIClient, way: str, expected: tuple[int, str, str]) -> None:
    status, title, detail = expected
    body = problem(client.get(f"/api/{way}"), status)
    assert body["title"] == title
    assert body["detail"].startswith(detail)


def test_errors_name_their_fields(client: APIClient) -> None:
    body = problem(client.get("/api/drf-validation"), 422)
    assert body["errors"] == [{"field": "a[1].b", "message": "Wrong."}]
    body = problem(client.get("/api/django-validation"), 422)
    assert body["errors"] == [
        {"field": "name", "message": "Too odd."},
        {"field": "", "message": "Never."},
    ]
    assert "errors" not in problem(client.get("/api/conflict"), 409)


@pytest.mark.parametrize("way", ["unavailable", "operational", "drf-throttled"])
def test_what_passes_says_when_to_try_again(client: APIClient, way: str) -> None:
    assert int(client.get(f"/api/{way}").headers["Retry-After"]) > 0


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_postgres_ends_is_503_and_the_next_request_works(
    client: APIClient,
) -> None:
    problem(client.get("/api/pg-terminated"), 503)
    # The server does this between requests; the test's client does not.
    close_old_connections()
    problem(client.get("/api/pg-nul"), 422)


@pytest.mark.parametrize("way", ["bug", "pg-syntax"])
def test_a_fault_of_ours_is_500_and_reveals_nothing(client: APIClient, way: str) -> None:
    body = problem(client.get(f"/api/{way}"), 500)
    assert "secret" not in json.dumps(body)
    assert "SELEC" not in json.dumps(body)


def test_no_such_path_method_or_format(client: APIClient) -> None:
    problem(client.get("/no/such/path"), 404)
    response = client.delete("/api/conflict")
    problem(response, 405)
    assert "GET" in response.headers["Allow"]
    problem(client.get("/api/conflict", headers={"Accept": "application/pdf"}), 406)
    problem(client.post("/api/x", "<a/>", content_type="text/xml"), 415)
    problem(client.post("/api/x", {"a": "1"}, format=None, content_type="text/plain"), 415)
    problem(client.get("/api/conflict?format=nonsense"), 404)


def test_browsers_get_pages(client: APIClient) -> None:
    html = {"Accept": "text/html"}
    response = client.get("/api/conflict", headers=html)
    assert response.status_code == 409
    assert response.headers["Content-Type"].startswith("text/html")
    assert b"It has ended." in response.content
    for path, status in {"/no/such/path": 404, "/plain/bug": 500, "/plain/http404": 404}.items():
        response = client.get(path, headers=html)
        assert response.status_code == status
        assert response.headers["Content-Type"].startswith("text/html")
    assert client.get("/plain/django-forbidden", headers=html).status_code == 403
    assert client.get("/plain/django-bad-request", headers=html).status_code == 400


def test_the_page_of_a_browser_needs_no_database_that_is_away(client: APIClient) -> None:
    problem(client.get("/api/operational", headers={"Accept": "text/html"}), 503)
    response = client.get("/plain/operational", headers={"Accept": "text/html"})
    assert response.status_code == 503
    assert response.headers["Content-Type"].startswith("text/plain")


PLAIN = {
    "http404": 404,
    "django-forbidden": 403,
    "django-bad-request": 400,
    "django-too-big": 413,
    "operational": 503,
    "pg-timeout": 503,
    "pg-nul": 422,
    "conflict": 409,
    "bug": 500,
}


@pytest.mark.parametrize(("way", "status"), PLAIN.items(), ids=PLAIN.keys())
def test_views_outside_of_the_api_answer_alike(client: APIClient, way: str, status: int) -> None:
    assert "secret" not in json.dumps(problem(client.get(f"/plain/{way}"), status))


def test_a_path_answers_with_and_without_its_last_slash(client: APIClient) -> None:
    id_ = "01a20ef2-5006-745e-a586-696f3e7b6abc"
    for path in (f"/slash/{id_}", f"/slash/{id_}/"):
        # The view takes no such argument: that it was found is what counts.
        assert client.get(path).status_code == 500
    for path in (f"/slash/{id_}//", "/slash/5", f"/slash/{id_}/x"):
        problem(client.get(path), 404)


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "\xff;q=;;,"},
        {"Accept": "a/b;" * 3_000},
        {"Accept": "*/*;q=" + "9" * 5_000},
        {"Accept": ","},
        {"Accept": "application/json; indent=99999999999999999999"},
        {"Content-Type": 'application/json; charset="'},
        {"Content-Type": "application/json; charset=nonsense"},
        {"Content-Type": "application/json;" + "a=b;" * 3_000},
        {"Content-Type": ";;;"},
        {"Authorization": "Bearer " + "x" * 10_000},
        {"Authorization": "\xff\xfe"},
        {"Cookie": "sessionid=" + "x" * 5_000},
        {"X-Workspace": "\xff" * 500},
        {"X-Forwarded-For": "," * 5_000},
    ],
    ids=lambda headers: " ".join(f"{k}: {v}" for k, v in headers.items())[:40],
)
def test_hostile_headers_are_never_a_500(headers: dict[str, str]) -> None:
    client = Client(raise_request_exception=True)
    kind = headers.pop("Content-Type", "application/json")
    for path in ("/api/conflict", "/tasks"):
        for method in ("GET", "POST"):
            response = client.generic(method, path, b'{"a": 1}', kind, headers=headers)
            assert response.status_code < 500


@pytest.mark.parametrize("query", ["format=%00", "page=%ff", "a=" + "b" * 20_000, "&" * 5_000])
def test_hostile_queries_are_never_a_500(query: str) -> None:
    assert Client().get(f"/api/conflict?{query}").status_code < 500
