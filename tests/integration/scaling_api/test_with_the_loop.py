"""What operators set, carried out by a loop that really runs."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from scaling.autoscaler import Autoscaler
from scaling.fleet import make_fleet
from tests.factories import make_node, make_task

pytestmark = pytest.mark.django_db
STATUS, METRIC = "/auto-scaling/status", "/auto-scaling/metric"


@pytest.fixture
def loop(environment: Any) -> Autoscaler:
    environment(BACKEND="advisory", INTERVAL_SECONDS=0.0)
    return Autoscaler(make_fleet("advisory"))


def test_from_the_override_to_its_end(client: APIClient, boss: APIClient, loop: Autoscaler) -> None:
    override = {"workers": 4, "reason": "a sale", "holdSeconds": None}
    assert client.post("/auto-scaling/scale", override, format="json").status_code == 409
    loop.run_pass()
    status = client.get(STATUS).json()
    assert (status["isRunning"], status["backend"], status["problem"]) == (True, "advisory", None)
    assert client.get(METRIC).json() == {"value": 0}

    answer = client.post("/auto-scaling/scale", override, format="json")
    assert answer.status_code == 202
    loop.run_pass()
    event = client.get(f"/health/scaling-events/{answer.json()['id']}").json()
    assert (event["state"], event["to"]) == ("RECOMMENDED", 4)
    assert client.get(METRIC).json() == {"value": 4}
    assert client.get(STATUS).json()["target"] == 4

    assert client.post("/auto-scaling/release").json()["manual"] is None
    loop.run_pass()
    assert client.get(METRIC).json() == {"value": 0}

    boss.post("/auto-scaling/config", {"minWorkers": 3}, format="json")
    make_task("RUNNING", node_id=make_node().id)
    loop.run_pass()
    assert client.get(METRIC).json() == {"value": 3}
    decided = client.get("/health/scaling-events?unchanged=true").json()["data"]
    assert decided[0]["configVersion"] == 2
    assert all(each["sentence"] for each in decided)


def test_what_contradicts_itself_is_repaired_while_it_runs(
    client: APIClient, boss: APIClient, loop: Autoscaler, environment: Any
) -> None:
    boss.post("/auto-scaling/config", {"minWorkers": 8}, format="json")
    environment(MAX_WORKERS=5)
    loop.run_pass()
    assert "minWorkers" in client.get(STATUS).json()["problem"]
    (unchanged,) = client.get("/health/scaling-events?state=UNCHANGED").json()["data"]
    assert unchanged["constraint"] == "config"
    boss.post("/auto-scaling/config", {"minWorkers": 4}, format="json")
    loop.run_pass()
    status = client.get(STATUS).json()
    assert (status["problem"], status["target"]) == (None, 4)
