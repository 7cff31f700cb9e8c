"""The headers that keep a browser careful, on every kind of response, exports and errors too."""

from typing import Any

import pytest
from django.test import Client

from controlplane.core.http.middleware import SecurityHeadersMiddleware
from tests.clients import key_client, staff_client
from tests.factories import make_task

pytestmark = pytest.mark.django_db

HTML = {"Accept": "text/html"}
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    **SecurityHeadersMiddleware.HEADERS,
}
# The browsable API and the reference of the API.
OF_REFERENCE = {**ALWAYS, **SecurityHeadersMiddleware.OF_REFERENCE}


def has_headers(answer: Any) -> None:
    found = {name: answer.headers.get(name) for name in ALWAYS}
    is_page = answer.headers.get("Content-Type", "").startswith("text/html")
    is_reference = is_page and hasattr(answer, "accepted_renderer")
    assert found == (OF_REFERENCE if is_reference else ALWAYS)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/admin/login/", 200), ("/admin/", 302), ("/no/such/page", 404), ("/tasks", 401),
        ("/admin/logout/", 302), ("/static/no/such/file.css", 404), ("/health", 200),
    ],
)  # fmt: skip
def test_a_stranger_gets_them(client: Client, path: str, status: int) -> None:
    for headers in ({}, HTML):
        answer = client.get(path, headers=headers)
        assert answer.status_code == status
        has_headers(answer)


def test_an_error_of_the_request_has_them(client: Client) -> None:
    for answer in (
        client.get("/", headers={"host": "elsewhere.example:1:2"}),
        Client(enforce_csrf_checks=True).post("/admin/login/", {}, headers=HTML),
        key_client().post("/tasks", "{", content_type="application/json"),
        key_client().get("/tasks?unknown=1"),
        key_client("viewer").post("/tasks", {"type": "noop"}, format="json"),
    ):
        assert 400 <= answer.status_code < 500
        has_headers(answer)


@pytest.mark.parametrize("kind", ["csv", "ndjson", "xlsx"])
def test_an_export_has_them_and_is_a_file(kind: str) -> None:
    make_task()
    root = staff_client("root", apps=[], is_superuser=True)
    for answer in (
        key_client().get(f"/tasks/export?format={kind}"),
        root.get(f"/admin/tasks_app/task/export/?format={kind}"),
    ):
        assert answer.status_code == 200
        has_headers(answer)
        assert answer["Content-Disposition"].startswith("attachment;")
        assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", "))
        assert not answer["Content-Type"].startswith("text/html")
        assert b"".join(answer.streaming_content)


def test_in_production_every_response_asks_for_https(client: Client, settings: Any) -> None:
    """The settings are those of `controlplane.settings.production`, which the tests do not load."""
    settings.SECURE_HSTS_SECONDS = 31_536_000
    for path in ("/admin/login/", "/no/such/page", "/tasks", "/health"):
        answer = client.get(path, secure=True)
        assert answer["Strict-Transport-Security"].startswith("max-age=31536000"), path
        has_headers(answer)
    export = key_client().get("/tasks/export?format=csv", secure=True)
    assert export["Strict-Transport-Security"].startswith("max-age=31536000")
