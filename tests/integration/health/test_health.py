"""The health addresses, with the database and Redis there, away and frozen."""

import os
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import resolve
from prometheus_client import REGISTRY
from pytest_django import Settings
from redis.exceptions import ResponseError
from rest_framework.test import APIClient

from controlplane.ops.health import queries
from controlplane.ops.health.middleware import RequestMetricsMiddleware
from controlplane.ops.health.probes import Probe
from tests.clients import key_client

pytestmark = pytest.mark.django_db

PATHS = ["/health", "/health/ready"]


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered from the test before."""
    for name in ("database", "migrations", "redis"):
        probe = Probe(getattr(queries, f"_check_{name}"), explain=queries._explain)
        monkeypatch.setattr(queries, f"_{name}", probe)


@pytest.fixture
def frozen() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def nowhere() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def move_database(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    # The connection of the test stays; only new ones go there.
    monkeypatch.setitem(connections["default"].settings_dict, "PORT", str(port))
    monkeypatch.setitem(connections["default"].settings_dict, "HOST", "127.0.0.1")


def get(path: str) -> tuple[int, dict[str, Any]]:
    started = time.monotonic()
    response = APIClient().get(path)
    assert time.monotonic() - started < 2.5
    return response.status_code, response.json()


@pytest.mark.parametrize("path", [*PATHS, "/health/", "/health/ready/"])
def test_all_is_well(path: str) -> None:
    status, body = get(path)
    assert (status, body["status"]) == (200, "ok")
    for check in ("database", "migrations", "redis"):
        assert body["checks"][check]["status"] == "ok"
        assert body["checks"][check]["latencyMs"] > 0
    assert body["time"].endswith("Z")
    assert body["version"]


@pytest.mark.parametrize("path", PATHS)
def test_without_redis_it_is_degraded_and_still_ready(
    path: str, nowhere: int, settings: Any
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{nowhere}/0"
    status, body = get(path)
    assert (status, body["status"]) == (200, "degraded")
    assert body["checks"]["redis"] == {"status": "down", "detail": "It cannot be reached."}


def test_a_frozen_redis_is_reported_in_time(frozen: int, settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{frozen}/0"
    status, body = get("/health/ready")
    assert (status, body["status"]) == (200, "degraded")


@pytest.mark.parametrize("path", PATHS)
def test_without_the_database_it_is_down(
    path: str, nowhere: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_database(monkeypatch, nowhere)
    status, body = get(path)
    assert (status, body["status"]) == (503, "down")
    assert body["checks"]["database"] == {"status": "down", "detail": "It cannot be reached."}
    assert str(nowhere) not in str(body)


@pytest.mark.parametrize("path", PATHS)
def test_with_the_schema_of_an_older_release_it_is_down(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "list_missing", lambda: [("tasks_app", "0099_next")])
    status, body = get(path)
    assert (status, body["status"]) == (503, "down")
    detail = body["checks"]["migrations"]["detail"]
    assert detail == "The database lacks 1 migration of this release: run `manage.py migrate`."


def test_a_frozen_database_is_reported_in_time(
    frozen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_database(monkeypatch, frozen)
    status, body = get("/health/ready")
    assert (status, body["status"]) == (503, "down")
    assert body["checks"]["database"]["detail"] == "No answer within 1.5 seconds."


def test_everything_frozen_is_reported_in_the_time_of_one(
    frozen: int, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    move_database(monkeypatch, frozen)
    settings.REDIS_URL = f"redis://127.0.0.1:{frozen}/0"
    status, body = get("/health")
    assert (status, body["status"]) == (503, "down")
    assert body["checks"]["redis"]["status"] == "down"


def test_the_process_lives_whatever_is_away(
    nowhere: int, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    move_database(monkeypatch, nowhere)
    with django_assert_num_queries(0):
        assert get("/health/live") == (200, {"status": "ok"})


def test_a_bad_key_does_not_shut_a_probe_out() -> None:
    client = APIClient(headers={"Authorization": "Bearer nonsense"})
    assert client.get("/health/ready").status_code == 200
    assert client.post("/health").status_code == 405


def test_another_error_is_named_by_its_kind(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = "nonsense://"
    body = get("/health")[1]
    assert body["checks"]["redis"]["detail"] == "It answers with an error (ValueError)."


def test_metrics_are_for_all_who_may_read() -> None:
    assert APIClient().get("/metrics").status_code == 401
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"
    response = key_client("viewer").get("/metrics", headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    assert b"python_info" in response.content
    assert key_client("viewer").post("/metrics", {}).status_code == 403


def test_requests_are_counted_by_route_and_not_by_path() -> None:
    def counted(**labels: str) -> float:
        found = REGISTRY.get_sample_value("taskplane_http_requests_total", labels)
        return found or 0.0

    def view(request: HttpRequest) -> HttpResponse:
        request.resolver_match = resolve(request.path)
        return HttpResponse(status=404)

    middleware = RequestMetricsMiddleware(view)
    labels = {"method": "GET", "route": "api-keys/<uuid:id>", "status": "404"}
    before = counted(**labels)
    for last in "abc":
        middleware(RequestFactory().get(f"/api-keys/01a20ef2-5006-745e-a586-696f3e7b6ab{last}"))
    assert counted(**labels) == before + 3
    middleware = RequestMetricsMiddleware(lambda request: HttpResponse())
    middleware(RequestFactory().generic("BREW", "/nowhere"))
    assert counted(method="other", route="none", status="200") >= 1


@pytest.mark.parametrize(
    ("free_mb", "status", "sentence"),
    [
        (50, "ok", None),
        (8, "degraded", "nearly full: 8.4 MB"),
        (0, "degraded", "full, read-only or"),
    ],
)
def test_a_full_disk_of_the_embedded_database_is_named(
    free_mb: int,
    status: str,
    sentence: str | None,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.EMBEDDED_POSTGRES = True
    kept = os.statvfs("/")
    found = SimpleNamespace(
        f_frsize=1 << 20, f_blocks=100, f_bavail=free_mb, f_files=0, f_favail=0, f_flag=kept.f_flag
    )
    monkeypatch.setattr(os, "statvfs", lambda _: found)
    answer = APIClient().get("/health")
    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, status)
    assert body["checks"]["disk"]["status"] == ("ok" if free_mb else "down")
    detail = body["checks"]["disk"].get("detail")
    assert detail is None if sentence is None else sentence in detail


def test_a_redis_that_cannot_save_says_so() -> None:
    error = ResponseError("MISCONF Redis is configured to save RDB snapshots")
    assert queries._explain(error).endswith("cannot save to its disk (MISCONF).")
