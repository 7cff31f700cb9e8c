"""The kubernetes back-end, through its official client, against the API of a small cluster."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaling.fleet import Fleet, Phase
from scaling.fleet.kubernetes import KubernetesFleet
from tests.engine import wait_until
from tests.fleets.contract import FleetContract, World, keys_of, list_live
from tests.fleets.kubernetes_world import DEPLOYMENT, Kubernetes, bring_up, open_cluster

COST = "controller.kubernetes.io/pod-deletion-cost"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubernetes]:
    with open_cluster(tmp_path, monkeypatch) as opened:
        yield opened


@pytest.fixture
def fleet(world: Kubernetes) -> KubernetesFleet:
    return world.make_fleet()


class KubernetesContract(FleetContract):
    """As all others, but for one thing."""

    def test_one_that_was_fenced_is_not_started_again(self, world: World, fleet: Fleet) -> None:
        """Not here: whatever ends in a pod, the kubelet starts again. What a fence does is that
        the pod is the one that goes; so workers stay when they are drained."""
        chosen, other = self.bring_up(world, fleet, 2)
        fleet.fence([chosen.key])
        fleet.fence([chosen.key])
        assert world.runs(chosen), "to fence is not to stop"
        world.end(chosen)
        self.wait(world, lambda: world.runs(chosen), "the container to start again")
        assert keys_of(list_live(fleet)) == {chosen.key, other.key}
        fleet.stop([chosen.key])
        self.wait_gone(world, fleet, chosen)
        self.stays(world, lambda: world.count() == 1 and world.runs(other), "one worker")
        assert keys_of(fleet.list_members()) == {other.key}


class TestKubernetesFleet(KubernetesContract):
    @pytest.fixture
    def world(self, world: Kubernetes) -> World:  # type: ignore[override]
        return world

    @pytest.fixture
    def fleet(self, world: World) -> Fleet:
        return world.make_fleet()


def test_starts_count_from_the_scale_and_not_from_the_pods(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    world.cluster.is_asleep = True
    assert fleet.start(2) == []
    assert fleet.start(1) == []
    assert (world.replicas(), fleet.list_members()) == (3, [])
    world.cluster.is_asleep = False
    wait_until(lambda: world.count() == 3, "three pods")


def test_a_look_is_four_calls_and_takes_all_pages(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    bring_up(fleet, 5)
    world.server.requests.clear()
    assert len(fleet.list_members()) == 5
    assert len(world.server.requests) == 4
    world.server.page = 2
    assert len(fleet.list_members()) == 5
    assert world.server.requests.count(("list", "pods")) == 1 + 3


def test_the_next_loop_takes_no_second_replica_away(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    chosen, *others = bring_up(fleet, 3)
    world.cluster.is_asleep = True
    fleet.stop([chosen.key])
    heir = world.make_fleet()
    assert [m.phase for m in heir.list_members() if m.key == chosen.key] == [Phase.STOPPING]
    heir.stop([chosen.key])
    assert world.replicas() == 2
    world.cluster.is_asleep = False
    wait_until(lambda: not world.runs(chosen), "the end of the one that was chosen")
    assert all(map(world.runs, others))


def test_a_pod_that_is_not_ready_does_not_go_instead(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    """It would rank before the one that was chosen, whatever the costs."""
    chosen, other = bring_up(fleet, 2)
    world.cluster.ready_delay = 600
    fleet.start(1)
    wait_until(lambda: world.count() == 3, "the third")
    fleet.stop([chosen.key])
    wait_until(lambda: not world.runs(chosen) and world.count() == 2, "the end of the chosen one")
    assert world.stop_requests(chosen) == 1
    assert world.runs(other)
    assert world.replicas() == 2


def test_a_pod_that_does_not_exist_yet_does_not_go_instead(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    chosen, other = bring_up(fleet, 2)
    world.cluster.is_asleep = True
    fleet.start(1)
    fleet.stop([chosen.key])
    world.cluster.is_asleep = False
    wait_until(lambda: not world.runs(chosen) and world.count() == 2, "the end of the chosen one")
    assert world.runs(other)
    assert world.replicas() == 2


def test_a_cluster_that_is_slow_has_passed_nobody_over(world: Kubernetes) -> None:
    fleet = world.make_fleet(patience=0.0)
    chosen, other = bring_up(fleet, 2)
    world.cluster.is_asleep = True
    fleet.stop([chosen.key])
    assert _phase(fleet, chosen.key) is Phase.STOPPING
    fleet.stop([chosen.key])
    assert world.replicas() == 1
    world.cluster.is_asleep = False
    wait_until(lambda: not world.runs(chosen), "the end of the one that was chosen")
    assert world.runs(other)


def test_one_that_was_passed_over_is_reported_and_stopped_by_name(world: Kubernetes) -> None:
    """Somebody takes our cost away, so that another pod is the cheapest."""
    fleet = world.make_fleet(patience=0.3)
    chosen, *others = bring_up(fleet, 3)

    def meddle(verb: str, resource: str) -> None:
        if (verb, resource) == ("update", "deployments/scale"):
            for pod in world.pods():
                is_chosen = pod["metadata"]["name"] == chosen.host
                pod["metadata"]["annotations"][COST] = "9" if is_chosen else "-9"

    world.server.before = meddle
    fleet.stop([chosen.key])
    wait_until(lambda: not all(map(world.runs, others)), "the end of another")
    wait_until(lambda: _phase(fleet, chosen.key) is Phase.RUNNING, "to be reported")
    details = {member.key: member.detail for member in fleet.list_members()}
    assert "removed another pod in its place" in details[chosen.key]
    (third,) = [other for other in others if world.runs(other)]
    assert not details[third.key]

    fleet.stop([chosen.key])
    wait_until(lambda: not world.runs(chosen), "the end of the one that was chosen")
    assert world.stop_requests(chosen) == 1
    wait_until(lambda: keys_of(fleet.list_members()) == {third.key}, "the last one alone")
    assert world.replicas() == 1


def test_pods_that_a_roll_out_replaces_are_not_workers_too_many(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    """Else each roll-out would lower the scale for the pods that it adds for a while."""
    old = bring_up(fleet, 2)
    with world.cluster.lock:
        world.cluster.add_replicaset(DEPLOYMENT, "second", 2)
    wait_until(lambda: world.count() == 4, "the pods of the new template")
    replaced = [m for m in fleet.list_members() if m.phase is Phase.STOPPING]
    assert keys_of(replaced) == keys_of(old)
    assert {m.detail for m in replaced} == {"A roll-out replaces it."}
    assert len([m for m in fleet.list_members() if m.phase is Phase.RUNNING]) == 2
    assert world.replicas() == 2


def test_the_first_pods_of_a_roll_out_replace_as_many_old_ones(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    old = bring_up(fleet, 2)
    world.cluster.is_asleep = True
    with world.cluster.lock:
        second = world.cluster.add_replicaset(DEPLOYMENT, "second", 1)
        world.cluster.create_pod(second)
    wait_until(lambda: world.count() == 3, "the first pod of the new template")
    replaced = [m for m in fleet.list_members() if m.phase is Phase.STOPPING]
    assert keys_of(replaced) == {old[0].key}


@pytest.mark.parametrize(
    "stops", [20, pytest.param(100, marks=(pytest.mark.nightly, pytest.mark.ci))]
)
def test_in_all_these_stops_never_another_one_goes(
    world: Kubernetes, fleet: KubernetesFleet, stops: int
) -> None:
    """While others start, are not ready yet, or can never be."""
    chance = random.Random(7)
    stopped = 0
    bring_up(fleet, 6)
    while stopped < stops:
        world.cluster.ready_delay = chance.choice([0.0, 0.05, 600.0])
        fleet.start(chance.randint(1, 4))
        members = [member for member in list_live(fleet) if member.phase is Phase.RUNNING]
        # How many are ready by now depends on the machine.
        chosen = chance.sample(members, max(0, min(len(members) - 2, chance.randint(1, 5))))
        fleet.fence([member.key for member in chosen])
        fleet.stop([member.key for member in chosen])
        for member in chosen:
            wait_until(lambda m=member: not world.runs(m), "the end of a chosen one")
        assert [world.stop_requests(member) for member in chosen] == [1] * len(chosen)
        assert [m.key for m in members if world.stop_requests(m) and m not in chosen] == []
        stopped += len(chosen)
        wait_until(lambda: len(list_live(fleet)) == world.replicas(), "as many as wanted")


def _phase(fleet: KubernetesFleet, key: str) -> Phase | None:
    return next((m.phase for m in fleet.list_members() if m.key == key), None)
