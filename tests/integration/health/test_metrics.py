"""The queue's own metrics."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from controlplane.health import exposition
from tasks_app.services.rollups import recompute_range
from tests.clients import key_client, other_workspace
from tests.integration.test_rollups import ended, this_minute
from tests.rows import make_node, make_task

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
