"""GET /health/detailed."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.clock import now
from controlplane.ops.health import detailed
from controlplane.ops.health.probes import Probe
from controlplane.ops.schedules.models import Schedule
from controlplane.ops.schedules.queries import get_lag
from tests.clients import key_client
from tests.factories import make_leader, make_node, make_schedule, set_pool

pytestmark = pytest.mark.django_db


def probe(monkeypatch: pytest.MonkeyPatch, check: Any) -> None:
    monkeypatch.setattr(detailed, "_engine", Probe(check, explain=detailed._explain))


def see(monkeypatch: pytest.MonkeyPatch, name: str, read: Any) -> None:
    """The thread of a check does not see this test's transaction: it gets what the test reads."""
    found = read()
    check = detailed._keep(name, lambda: found)
    monkeypatch.setattr(detailed, f"_{name}", Probe(check, explain=detailed._explain))


def checks_of(client: APIClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/health/detailed").json()["checks"]
    return found


def test_without_dispatcher_and_workers_it_is_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    probe(monkeypatch, detailed._check_engine)
    body = key_client("viewer").get("/health/detailed").json()
    assert body["status"] == "degraded"
    assert body["checks"]["database"]["status"] == "ok"
    assert body["checks"]["dispatcher"]["status"] == "down"
    assert body["checks"]["workers"]["liveNodes"] == 0


def test_a_live_worker_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    make_node(heartbeat_at=now())
    see(monkeypatch, "engine", detailed._read_engine)
    workers = checks_of(key_client("viewer"))["workers"]
    assert (workers["status"], workers["liveNodes"]) == ("ok", 1)


def test_a_lost_node_is_reported_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    make_node(heartbeat_at=now())
    ended = {"state": "LOST", "end_reason": "It was killed by signal 9 (SIGKILL)."}
    make_node("vm#1", stopped_at=now() - timedelta(minutes=2), **ended)
    make_node("vm#2", stopped_at=now() - timedelta(minutes=1), **ended)
    make_node("vm#3", stopped_at=now() - timedelta(hours=2), **ended)
    make_node("vm#4", stopped_at=now(), state="STOPPED")
    see(monkeypatch, "engine", detailed._read_engine)
    workers = checks_of(key_client("viewer"))["workers"]
    assert (workers["status"], workers["lostNodesLastHour"]) == ("ok", 2)
    assert workers["detail"].startswith("vm#2 was lost at ")
    assert workers["detail"].endswith(" It was killed by signal 9 (SIGKILL).")


def test_a_check_that_hangs_is_reported_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    probe(monkeypatch, release.wait)
    client = key_client("viewer")
    started = time.monotonic()
    checks = client.get("/health/detailed").json()["checks"]
    release.set()
    assert time.monotonic() - started < 10
    assert checks["dispatcher"]["detail"] == "No answer within 1.5 seconds."


@pytest.mark.parametrize("name", ["beat", "scaler"])
def test_a_check_that_hangs_does_not_delay_the_others(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_node(heartbeat_at=now())
    see(monkeypatch, "engine", detailed._read_engine)
    release = threading.Event()
    stuck = Probe(release.wait, explain=detailed._explain)  # type: ignore[arg-type] # its answer
    monkeypatch.setattr(detailed, f"_{name}", stuck)
    started = time.monotonic()
    checks = checks_of(key_client("viewer"))
    release.set()
    assert time.monotonic() - started < 10
    assert checks["workers"]["status"] == "ok"
    late = checks[{"beat": "beat", "scaler": "autoscaler"}[name]]
    assert late == {"status": "down", "detail": "No answer within 1.5 seconds."}


def test_schedules_fire_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    client = key_client("viewer")
    Schedule.objects.update(next_at=None)
    see(monkeypatch, "beat", get_lag)
    assert checks_of(client)["beat"]["status"] == "ok"
    schedule = make_schedule("*/10 * * * *", since=now())
    Schedule.objects.filter(id=schedule.id).update(next_at=now() - timedelta(minutes=5))
    see(monkeypatch, "beat", get_lag)
    beat = checks_of(client)["beat"]
    assert beat["status"] == "degraded"
    assert beat["lagMs"] >= 300_000
    assert "A schedule has been due for 3" in beat["detail"]


def scaler(monkeypatch: pytest.MonkeyPatch, client: APIClient) -> tuple[str, str | None]:
    see(monkeypatch, "scaler", detailed._read_scaler)
    found = checks_of(client)["autoscaler"]
    return found["status"], found.get("detail")


def test_the_autoscaler(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    client = key_client("viewer")
    assert scaler(monkeypatch, client) == ("ok", "not started")
    make_leader()
    assert scaler(monkeypatch, client) == ("ok", None)
    assert checks_of(client)["autoscaler"]["lastSeen"].endswith("Z")
    set_pool(problem="Out of quota.")
    assert scaler(monkeypatch, client) == ("degraded", "Out of quota.")
    set_pool(problem="", overrides={"min_workers": 2_000})
    status, detail = scaler(monkeypatch, client)
    assert (status, "minWorkers" in (detail or "")) == ("degraded", True)
    set_pool(overrides={})
    make_leader(seconds=-60)
    status, detail = scaler(monkeypatch, client)
    assert (status, "manage.py autoscale" in (detail or "")) == ("degraded", True)
    settings.TASKPLANE_SCALING = {**settings.TASKPLANE_SCALING, "ENABLED": False}
    assert scaler(monkeypatch, client) == ("ok", "off")


def test_it_needs_an_identity() -> None:
    assert APIClient().get("/health/detailed").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_all_of_it_on_connections_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("engine", "beat", "scaler"):
        probe = Probe(getattr(detailed, f"_check_{name}"), explain=detailed._explain)
        monkeypatch.setattr(detailed, f"_{name}", probe)
    Schedule.objects.update(next_at=None)
    make_leader("dispatcher")
    make_leader()
    make_node(heartbeat_at=now())
    body = key_client("viewer").get("/health/detailed").json()
    found = {name: check["status"] for name, check in body["checks"].items()}
    names = ("database", "migrations", "redis", "dispatcher", "workers", "beat", "autoscaler")
    assert (body["status"], found) == ("ok", dict.fromkeys(names, "ok"))
    assert all(check["latencyMs"] >= 0 for check in body["checks"].values())
