"""The queue's own metrics."""

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from controlplane.core.clock import now
from controlplane.health import exposition
from tasks_app.services.rescue import rescue_node
from tasks_app.services.rollups import recompute_range
from tests.clients import key_client, other_workspace
from tests.integration.test_rollups import ended, this_minute
from tests.rows import make_node, make_task
from tests.scalingrows import lead, make_event, make_launch, set_pool
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
    assert one(found, "taskplane_work_total", type="noop", event="completed") == 1
    assert one(found, "taskplane_work_total", type="noop", event="failed") == 1
    assert one(found, "taskplane_run_seconds_count", type="noop") == 2
    assert one(found, "taskplane_run_seconds_sum", type="noop") == pytest.approx(0.2)
    assert one(found, "taskplane_nodes", state="ACTIVE") == 1
    assert one(found, "taskplane_live_nodes_stale_writes") == 3
    stranger = scrape(workspace=other_workspace())
    assert not any(name.startswith("taskplane_queue") for name, _ in stranger)


def test_names_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "MOST_NAMES", 2)
    for name in ("a", "b", "c", "d"):
        make_task(queue=name)
    found = scrape()
    queues = {dict(labels)["queue"] for name, labels in found if name == "taskplane_queue_tasks"}
    assert queues == {"a", "b", "other"}
    assert one(found, "taskplane_queue_tasks", queue="other", state="pending") == 2


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
    lead()
    set_pool(backend="process", target=5, ready=3, starting=2, draining=1)
    make_event("REACHED")
    make_event("MISSED", ago=23 * 3_600)
    make_event("REACHED", ago=25 * 3_600)
    make_event("HELD")
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
    assert (events.pop("REACHED"), events.pop("MISSED")) == (1, 1)
    assert set(events) == {"ADVISED", "WAITING", "ACTING", "SUPERSEDED", "FAILED"}
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
    lead("dispatcher")
    answer = bearer(token).get("/metrics")
    assert answer.status_code == 200
    text = answer.content.decode()
    for name in ("taskplane_rescued_tasks_last_hour", "taskplane_dispatcher_lag_seconds"):
        assert f"\n{name} " in text
    assert "taskplane_queue" not in text
    assert "taskplane_work_total" not in text
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
    for token, is_fine in (("short", False), ("a" * 31, False), ("a" * 32, True)):
        env = {**os.environ, "METRICS_TOKEN": token}
        ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
        assert (ran.returncode == 0) is is_fine
        assert "short" not in ran.stderr
        if not is_fine:
            assert "METRICS_TOKEN has" in ran.stderr
