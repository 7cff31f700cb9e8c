"""GET /health/detailed."""

import threading
import time
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.core.clock import now
from controlplane.health import detailed
from controlplane.health.probes import Probe
from tasks_app.selectors import read_wellbeing
from tests.clients import key_client
from tests.rows import make_node

pytestmark = pytest.mark.django_db


def probe(monkeypatch: pytest.MonkeyPatch, check: Any) -> None:
    monkeypatch.setattr(detailed, "_engine", Probe(check, explain=detailed._explain))


def test_without_dispatcher_and_workers_it_is_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    probe(monkeypatch, detailed._check_engine)
    body = key_client("viewer").get("/health/detailed").json()
    assert body["status"] == "degraded"
    assert body["checks"]["database"]["status"] == "ok"
    assert body["checks"]["dispatcher"]["status"] == "down"
    assert body["checks"]["workers"]["liveNodes"] == 0


def test_a_live_worker_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    make_node(heartbeat_at=now())
    found = read_wellbeing(None)  # the thread of the check does not see this test's transaction
    probe(monkeypatch, lambda: detailed._seen.update(now=found))
    workers = key_client("viewer").get("/health/detailed").json()["checks"]["workers"]
    assert (workers["status"], workers["liveNodes"]) == ("ok", 1)


def test_a_check_that_hangs_is_reported_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    probe(monkeypatch, release.wait)
    client = key_client("viewer")
    started = time.monotonic()
    checks = client.get("/health/detailed").json()["checks"]
    release.set()
    assert time.monotonic() - started < 2.5
    assert checks["dispatcher"]["detail"] == "No answer within 1.5 seconds."


def test_it_needs_an_identity() -> None:
    assert APIClient().get("/health/detailed").status_code == 401
