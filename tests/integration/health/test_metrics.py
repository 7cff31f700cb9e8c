"""The queue's own metrics."""

import os
import secrets
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from controlplane.core.clock import now
from controlplane.ops.health import exposition
from controlplane.ops.health.middleware import BoundedPairs
from tasks_app.models import Queue, Rollup
from tasks_app.services.rescue import rescue_node
from tasks_app.services.rollups import recompute_range
from tests.clients import default_workspace, key_client, other_workspace
from tests.factories import (
    make_launch,
    make_leader,
    make_node,
    make_scaling_event,
    make_task,
    set_pool,
)
from tests.integration.test_rollups import ended, this_minute
from workers import transitions
from workers.services import stop_node

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("early_in_the_minute")]


def scrape(**options: object) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    response = key_client("viewer", **options).get("/metrics")
    assert response.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def one(found: object, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]  # type: ignore[index] # a dict of samples


def test_depths_counts_times_and_nodes() -> None:
    make_task("PENDING")
    make_task("BLOCKED", queue="mail")
    make_node(stale_writes=3)
    ended(this_minute(), ms=100)
    ended(this_minute(), "FAILED", ms=100)
    recompute_range(this_minute(), this_minute() + timedelta(minutes=1))
    found = scrape()
    assert one(found, "taskplane_queue_tasks", queue="default", state="pending") == 1
    assert one(found, "taskplane_queue_tasks", queue="mail", state="blocked") == 1
    assert one(found, "taskplane_queue_oldest_wait_seconds", queue="mail") == 0
    assert one(found, "taskplane_tasks_total", type="noop", event="completed") == 1
    assert one(found, "taskplane_tasks_total", type="noop", event="failed") == 1
    assert one(found, "taskplane_attempts_total", type="noop", event="succeeded") == 1
    assert one(found, "taskplane_attempts_total", type="noop", event="failed") == 1
    assert one(found, "taskplane_run_seconds_count", type="noop") == 2
    assert one(found, "taskplane_run_seconds_sum", type="noop") == pytest.approx(0.2)
    assert one(found, "taskplane_nodes", state="ACTIVE") == 1
    assert one(found, "taskplane_live_nodes_stale_writes") == 3
    stranger = scrape(workspace=other_workspace())
    assert not any(name.startswith("taskplane_queue") for name, _ in stranger)


def test_names_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "MAX_NAMES", 2)
    for name in ("a", "b", "c", "d"):
        make_task(queue=name)
    found = scrape()
    queues = {dict(labels)["queue"] for name, labels in found if name == "taskplane_queue_tasks"}
    assert queues == {"a", "b", "other"}
    assert one(found, "taskplane_queue_tasks", queue="other", state="pending") == 2


def test_a_thousand_queues_and_five_hundred_types_are_a_small_page() -> None:
    workspace, at = default_workspace(), this_minute().replace(minute=0)
    Queue.objects.bulk_create(Queue(workspace=workspace, name=f"q{n:04}") for n in range(1_000))
    runs = {str(bucket): 3 for bucket in range(-20, 180)}
    counts = dict.fromkeys(("started", "failed", "retried", "lost", "cancelled"), 0)
    Rollup.objects.bulk_create(
        Rollup(
            workspace_id=workspace.id, seconds=3_600, at=at, queue_id=1, type=f"t{n:03}",
            submitted=1, completed=1, run_ms=5.5, runs=runs, wait_ms=7, waits=runs, **counts,
        )
        for n in range(500)
    )  # fmt: skip
    client = key_client("viewer")
    text = client.get("/metrics").content.decode()
    # Other tests have sent requests in this process.
    assert (
        sum(len(line) + 1 for line in text.splitlines() if "taskplane_http_" not in line) < 250_000
    )
    found = scrape()
    assert one(found, "taskplane_tasks_total", type="other", event="completed") == 450
    assert one(found, "taskplane_tasks_total", type="t049", event="completed") == 1
    run_times = [labels for name, labels in found if name == "taskplane_run_seconds_bucket"]
    assert len(run_times) == 51 * 11
    assert one(found, "taskplane_run_seconds_count", type="other") == 450 * 3 * 200


def test_requests_of_any_kind_have_few_series() -> None:
    client = key_client("viewer")
    before = set(scrape())  # other tests have sent requests in this process
    for path in ("/tasks", "/no/such/path", "/admin/tasks_app/task/", "/admin/auth/user/1/change/"):
        for method in ("get", "head", "options", "put", "patch", "trace", "propfind"):
            client.generic(method.upper(), path)
    labels = {
        (dict(labels)["method"], dict(labels)["route"])
        for (name, labels) in set(scrape()) - before
        if name == "taskplane_http_requests_total"
    }
    methods = {method for method, route in labels if route == "tasks"}
    assert methods <= {"GET", "other"}
    assert not any("propfind" in method.lower() for method, _ in labels)
    assert {route for _, route in labels if "admin" in route} <= {"admin/"}
    assert ("other", "tasks") in {
        (dict(found).get("method"), dict(found).get("route")) for _, found in scrape()
    }
    assert not any("/no/such" in route for _, route in labels)


def test_pairs_beyond_the_limit_are_together() -> None:
    pairs = BoundedPairs(2)
    given = [("GET", "a"), ("GET", "b"), ("GET", "c"), ("GET", "a"), ("POST", "d")]
    kept = [pairs.bound(*pair) for pair in given]
    other = ("other", "other")
    assert kept == [("GET", "a"), ("GET", "b"), other, ("GET", "a"), other]


TOKEN = "a token of forty characters, or a few less"


@pytest.fixture
def token(settings: Any) -> str:
    settings.TASKPLANE = {**settings.TASKPLANE, "METRICS_TOKEN": TOKEN}
    return TOKEN


def bearer(text: str) -> APIClient:
    return APIClient(headers={"Authorization": f"Bearer {text}"})


def test_the_fleet() -> None:
    found = scrape()
    assert not any(name.startswith("taskplane_workers") for name, _ in found)
    for name in ("taskplane_autoscaler_lag_seconds", "taskplane_startup_seconds"):
        assert (name, frozenset()) not in found
    make_leader()
    set_pool(backend="process", target=5, ready=3, starting=2, draining=1)
    make_scaling_event("SUCCEEDED")
    make_scaling_event("TIMED_OUT", ago=23 * 3_600)
    make_scaling_event("SUCCEEDED", ago=25 * 3_600)
    make_scaling_event("UNCHANGED")
    for _ in range(5):
        make_launch()
    found = scrape()
    assert one(found, "taskplane_workers_target") == 5
    states = {
        dict(labels)["state"]: value
        for (name, labels), value in found.items()
        if name == "taskplane_workers"
    }
    assert states == {"ready": 3, "starting": 2, "draining": 1}
    events = {
        dict(labels)["state"]: value
        for (name, labels), value in found.items()
        if name == "taskplane_scaling_events_last_day"
    }
    assert (events.pop("SUCCEEDED"), events.pop("TIMED_OUT")) == (1, 1)
    assert set(events) == {"RECOMMENDED", "WAITING", "ACTING", "SUPERSEDED", "FAILED"}
    assert set(events.values()) == {0}
    assert one(found, "taskplane_autoscaler_lag_seconds") < 60
    assert one(found, "taskplane_startup_seconds") == pytest.approx(1.5, abs=0.1)


def test_rescued_tasks() -> None:
    assert one(scrape(), "taskplane_rescued_tasks_last_hour") == 0
    node = make_node()
    for _ in range(2):
        make_task("RUNNING", node_id=node.id)
    stopping = make_node()
    make_task("RUNNING", node_id=stopping.id)
    transitions.lose(node.id, heartbeat=node.heartbeat)
    rescue_node(node.id)
    stop_node(stopping.id)
    make_node(rescued=7, state="LOST", stopped_at=now() - timedelta(hours=2))
    found = scrape()
    assert one(found, "taskplane_rescued_tasks_last_hour") == 3
    assert one(found, "taskplane_nodes_ended_last_hour", state="STOPPED") == 1
    assert one(found, "taskplane_nodes_ended_last_hour", state="LOST") == 1


def test_a_token_reads_what_belongs_to_no_workspace(token: str) -> None:
    make_task("PENDING")
    make_leader("dispatcher")
    answer = bearer(token).get("/metrics")
    assert answer.status_code == 200
    text = answer.content.decode()
    for name in ("taskplane_rescued_tasks_last_hour", "taskplane_dispatcher_lag_seconds"):
        assert f"\n{name} " in text
    assert "taskplane_queue" not in text
    assert "taskplane_tasks_total" not in text
    assert "taskplane_attempts_total" not in text
    # A key still reads those of its workspace.
    assert one(scrape(), "taskplane_queue_tasks", queue="default", state="pending") == 1


@pytest.mark.parametrize(
    "path", ["/tasks", "/auto-scaling/metric", "/health/detailed", "/health/scaling-events"]
)
def test_a_token_reads_nothing_else(token: str, path: str) -> None:
    assert bearer(token).get(path).status_code == 401


def test_a_wrong_token_is_refused(token: str, settings: Any) -> None:
    assert bearer(token[:-1]).get("/metrics").status_code == 401
    assert bearer(token + "é").get("/metrics").status_code == 401
    assert APIClient().get("/metrics").status_code == 401
    settings.TASKPLANE = {**settings.TASKPLANE, "METRICS_TOKEN": ""}
    assert bearer("").get("/metrics").status_code == 401
    assert bearer(token).get("/metrics").status_code == 401


def test_a_token_is_long() -> None:
    code = "import controlplane.settings.parts.taskplane"
    for token, is_fine in (("hunter2", False), ("a" * 32, False), (secrets.token_hex(16), True)):
        env = {**os.environ, "METRICS_TOKEN": token}
        ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
        assert (ran.returncode == 0) is is_fine
        assert "hunter2" not in ran.stderr
        if not is_fine:
            assert "METRICS_TOKEN" in ran.stderr
