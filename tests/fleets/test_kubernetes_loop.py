"""The loop with the kubernetes back-end: pods of a small cluster, whose workers are rows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scaling.autoscaler import Autoscaler
from scaling.models import Launch, ScalingEvent
from scaling.states import EventState, LaunchState
from tests.engine import wait_until
from tests.factories import make_task
from tests.fleets.kubernetes_world import Kubernetes, open_cluster
from tests.fleets.local import add_node
from tests.integration.scaling.conftest import override, scaling
from workers.models import Node
from workers.services import beat_node, stop_node
from workers.states import NodeState

__all__ = ["scaling"]

pytestmark = pytest.mark.django_db


@dataclass
class Loop:
    """Runs its passes one by one. A worker registers when its pod runs, and ends with it."""

    world: Kubernetes
    autoscaler: Autoscaler = field(init=False)

    def __post_init__(self) -> None:
        self.autoscaler = Autoscaler(self.world.make_fleet())

    def decide(self) -> None:
        running = self.running()
        nodes = {node.host: node.id for node in Node.objects.filter(stopped_at=None)}
        for host in running - nodes.keys():
            add_node(host)
        for host, node in nodes.items():
            if host in running:
                beat_node(node)
            else:
                stop_node(node)
        self.autoscaler._loop._decide_due = 0.0
        self.autoscaler._loop._follow_due = 0.0
        assert self.autoscaler.run_pass() < 1.0, "the pass failed: see the log"

    def decide_until(self, event: ScalingEvent, state: EventState) -> ScalingEvent:
        def is_so() -> bool:
            self.decide()
            event.refresh_from_db()
            return event.state == state

        wait_until(is_so, f"the event to be {state}")
        return event

    def running(self) -> set[str]:
        """The hosts whose worker runs."""
        pods, running = self.world.pods(), self.world.cluster.running
        return {p["metadata"]["name"] for p in pods if p["metadata"]["uid"] in running}


@pytest.fixture
def loop(
    db: None, scaling: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Loop]:
    scaling["BACKEND"] = "kubernetes"
    with open_cluster(tmp_path, monkeypatch) as world:
        yield Loop(world)


def test_it_grows_then_lets_go_of_the_idle_ones_only(loop: Loop) -> None:
    event = loop.decide_until(override(4), EventState.SUCCEEDED)
    hosts = loop.running()
    assert len(hosts) == loop.world.replicas() == 4
    assert Launch.objects.filter(state=LaunchState.READY).count() == 4
    assert event.launches.count() == 4

    busy = Node.objects.filter(host__in=hosts).order_by("id")[:2]
    for node in busy:
        make_task("RUNNING", node_id=node.id)
    event = loop.decide_until(override(2), EventState.SUCCEEDED)
    assert loop.running() == {node.host for node in busy}
    assert loop.world.replicas() == 2
    assert event.interrupted_tasks == 0
    assert sorted(loop.world.cluster.stop_signals.values()) == [1, 1]


def test_a_worker_that_holds_work_gets_no_stop_signal(loop: Loop) -> None:
    loop.decide_until(override(2), EventState.SUCCEEDED)
    tasks = [make_task("RUNNING", node_id=node.id) for node in Node.objects.all()]
    event = loop.decide_until(override(1), EventState.ACTING)
    for _ in range(3):
        loop.decide()
    (victim,) = Node.objects.filter(state=NodeState.DRAINING)
    assert not loop.world.cluster.stop_signals
    assert loop.world.replicas() == 2
    next(task for task in tasks if task.node_id == victim.id).delete()
    loop.decide_until(event, EventState.SUCCEEDED)
    assert victim.host not in loop.running()
    assert len(loop.running()) == 1


def test_what_is_wrong_in_the_cluster_is_reported_and_passes(loop: Loop) -> None:
    loop.decide_until(override(1), EventState.SUCCEEDED)
    loop.world.server.denied = {("*", "*")}
    failed = loop.decide_until(override(2), EventState.FAILED)
    assert "deploy/kubernetes/autoscaler-rbac.yaml" in failed.outcome
    loop.world.server.denied.clear()
    loop.decide_until(override(2), EventState.SUCCEEDED)
    assert len(loop.running()) == 2
