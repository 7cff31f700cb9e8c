"""GET /auto-scaling/metric: what KEDA and the HPA read."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.core.clock import now
from tests.clients import key_client, other_workspace
from tests.factories import make_node, make_task, set_pool

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _environment(environment: Any) -> None:
    """The environment of these tests has its own limits."""


def value(client: APIClient) -> Any:
    answer = client.get("/auto-scaling/metric")
    assert answer.status_code == 200, answer.content
    assert list(answer.json()) == ["value"]
    return answer.json()["value"]


def decided(seconds_ago: float = 1, **columns: Any) -> None:
    set_pool(decided_at=now() - timedelta(seconds=seconds_ago), **columns)


def test_the_loop_has_decided(client: APIClient) -> None:
    decided(target=5, is_idle=False)
    assert value(client) == 5
    decided(target=1, is_idle=True)
    assert value(client) == 0


def test_an_order_counts_also_when_idle(client: APIClient) -> None:
    decided(target=3, is_idle=True, manual_workers=3, manual_by="ada")
    assert value(client) == 3
    set_pool(manual_until=now() - timedelta(seconds=1))
    assert value(client) == 0


def test_while_it_is_off_the_number_stays(client: APIClient, environment: Any) -> None:
    environment(ENABLED=False)
    decided(target=None, ready=3, starting=1)
    assert value(client) == 4
    decided(3_600, ready=3)
    make_node(heartbeat_at=now())
    make_node(heartbeat_at=now())
    assert value(client) == 2


@pytest.mark.parametrize("seconds_ago", [61, 3_600])
def test_an_old_decision_is_made_again(client: APIClient, seconds_ago: float) -> None:
    decided(seconds_ago, target=7, is_idle=False)
    assert value(client) == 0


def test_a_long_interval_is_waited_for(client: APIClient, environment: Any) -> None:
    environment(INTERVAL_SECONDS=60.0)
    decided(150, target=7, is_idle=False)
    assert value(client) == 7


def test_without_a_loop(client: APIClient) -> None:
    assert value(client) == 0
    for number in range(60):
        make_task("PENDING", workspace=other_workspace(), name=f"task {number}")
    make_node(heartbeat_at=now())
    desired = value(client)
    assert 2 <= desired <= 10
    # It serves all workspaces, and reveals nothing about any.
    assert value(key_client("viewer")) == desired
    set_pool(manual_workers=4, manual_by="ada")
    assert value(client) == 4


def test_a_running_task_is_not_idle(client: APIClient) -> None:
    node = make_node(heartbeat_at=now())
    make_task("RUNNING", node_id=node.id)
    assert value(client) >= 1


def test_a_configuration_that_contradicts_itself(client: APIClient) -> None:
    set_pool(overrides={"min_workers": 20})
    answer = client.get("/auto-scaling/metric")
    assert answer.status_code == 409
    assert "minWorkers" in answer.json()["detail"]
    # A loop that runs has decided nothing since, and its last number is still published.
    decided(target=5, is_idle=False)
    assert value(client) == 5
