"""The kubernetes back-end in a real cluster, if one is named: see kubernetes_real."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scaling.fleet import Fleet, FleetError, Member, Phase, kubernetes_client
from scaling.fleet.kubernetes import KubernetesFleet
from scaling.fleet.kubernetes_client import ApiError
from tests.engine import wait_until
from tests.fleets.contract import World, keys_of, list_live
from tests.fleets.kubernetes_owner import REAL_CONFIG
from tests.fleets.kubernetes_real import COST, RealKubernetes
from tests.fleets.kubernetes_world import DEPLOYMENT, RBAC
from tests.fleets.test_kubernetes import KubernetesContract

pytestmark = pytest.mark.skipif(not REAL_CONFIG, reason="TEST_KUBECONFIG names no cluster")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealKubernetes]:
    """With no deployment."""
    world = RealKubernetes(tmp_path)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(world.config))
    yield world
    world.close()


@pytest.fixture
def world(bare: RealKubernetes) -> RealKubernetes:
    bare.add_deployment()
    return bare


@pytest.fixture
def fleet(world: RealKubernetes) -> KubernetesFleet:
    return world.make_fleet()


@pytest.fixture(scope="module")
def knows_cost(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether the cluster removes the pod of the lowest cost first: from 1.22 on. It is asked for
    what it does: of two, the older one has it."""
    world = RealKubernetes(tmp_path_factory.mktemp("asked"))
    try:
        world.add_deployment(replicas=1)
        older = _wait_pods(world, 1)[0]["metadata"]["name"]
        time.sleep(2)  # stamps have no fractions
        scale = f"{world.apps}/deployments/{DEPLOYMENT}/scale"
        world.admin.call("PATCH", scale, {"spec": {"replicas": 2}})
        _wait_pods(world, 2)
        marks = {"metadata": {"annotations": {COST: "-5"}}}
        world.admin.call("PATCH", f"{world.core}/pods/{older}", marks)
        time.sleep(1)
        world.admin.call("PATCH", scale, {"spec": {"replicas": 1}})
        is_leaving = lambda: [p for p in world.pods() if "deletionTimestamp" in p["metadata"]]  # noqa: E731
        leaving = wait_until(is_leaving, "one to be stopped", world.patience)
        return bool(leaving[0]["metadata"]["name"] == older)
    finally:
        world.close()


class TestRealCluster(KubernetesContract):
    # A cluster without deletion costs takes another one, which the tests further down are about.
    needs_choice = (
        "test_one_is_stopped_gently_and_no_other",
        "test_many_are_stopped_at_once",
        "test_one_that_was_fenced_is_not_started_again",
        "test_the_next_loop_takes_the_workers_over",
        "test_a_place_that_is_away_is_one_sentence",
    )

    @pytest.fixture
    def world(self, world: RealKubernetes) -> World:  # type: ignore[override]
        return world

    @pytest.fixture
    def fleet(self, world: World) -> Fleet:
        return world.make_fleet()

    @pytest.fixture(autouse=True)
    def choice(self, request: pytest.FixtureRequest, knows_cost: bool) -> None:
        if request.node.name in self.needs_choice and not knows_cost:
            pytest.skip("this cluster knows no deletion cost")


def test_a_version_that_is_old_is_a_conflict(world: RealKubernetes, fleet: KubernetesFleet) -> None:
    fleet.list_members()
    replicas, version = fleet.server.get_scale(DEPLOYMENT)
    assert replicas == 0
    fleet.server.set_scale(DEPLOYMENT, 1, version)
    with pytest.raises(ApiError) as caught:
        fleet.server.set_scale(DEPLOYMENT, 5, version)
    assert caught.value.status == 409
    fleet.start(1)
    assert world.replicas() == 2


def test_all_pages_are_taken(
    world: RealKubernetes, fleet: KubernetesFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_client, "_PAGE", 2)
    _bring_up(world, fleet, 5)
    assert len(fleet.list_members()) == 5


def test_another_pod_of_the_same_name_is_left_alone(
    world: RealKubernetes, fleet: KubernetesFleet
) -> None:
    (member,) = _bring_up(world, fleet, 1)
    fleet.stop([f"{member.host}/0", member.host])
    strange = "00000000-0000-0000-0000-000000000000"
    assert not fleet.server.annotate_pod(member.host, strange, {"a": "b"})
    assert not fleet.server.delete_pod(member.host, strange)
    assert not fleet.server.annotate_pod("nobody", strange, {"a": "b"})
    assert not fleet.server.delete_pod("nobody", strange)
    found = world.find(member)
    assert found is not None
    assert "a" not in (found["metadata"].get("annotations") or {})
    assert "deletionTimestamp" not in found["metadata"]
    assert world.replicas() == 1


@pytest.mark.parametrize(
    ("spec", "detail"),
    [
        ({"container": {"image": "taskplane.invalid/none:1"}}, "ImagePullBackOff: Back-off"),
        ({"container": {"command": ["sh", "-c", "exit 3"]}}, "CrashLoopBackOff: back-off"),
        ({"container": {"command": ["/no/such/file"]}}, "CrashLoopBackOff: back-off"),
        ({"container": {"resources": {"requests": {"cpu": "9999"}}}}, "Unschedulable: 0/"),
        ({"container": {"envFrom": [{"secretRef": {"name": "none"}}]}}, "CreateContainerConfig"),
    ],
)  # fmt: skip
def test_why_one_does_not_become_ready_is_reported(
    bare: RealKubernetes, spec: dict[str, Any], detail: str
) -> None:
    bare.add_deployment(**spec)
    fleet = bare.make_fleet()
    fleet.start(1)
    seen: set[tuple[Phase, str]] = set()

    def list_reported() -> list[Member]:
        members = fleet.list_members()
        seen.update((member.phase, member.detail) for member in members)
        return [m for m in members if m.phase is Phase.STARTING and m.detail.startswith(detail)]

    try:
        (member,) = wait_until(list_reported, f"{detail} among {seen}", bare.patience)
    finally:
        print(seen)
    if "exit" in str(spec):
        assert "It ended with exit code 3" in member.detail
    assert not any(phase is Phase.STOPPING for phase, _ in seen)
    fleet.stop([member.key])
    wait_until(lambda: fleet.list_members() == [], "its end", bare.patience)
    assert bare.replicas() == 0


def test_pods_that_cannot_be_made_are_not_asked_for_again(
    world: RealKubernetes, fleet: KubernetesFleet
) -> None:
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}}
    path = f"{world.core}/resourcequotas"
    world.admin.call("POST", path, quota)
    wait_until(lambda: _is_counted(world), "the quota to count", world.patience)
    fleet.start(2)
    wait_until(lambda: len(fleet.list_members()) == 1, "the first", world.patience)

    def refusal() -> str:
        try:
            fleet.start(1)
        except FleetError as error:
            return str(error)
        return ""

    sentence = wait_until(refusal, "the refusal", world.patience)
    assert "exceeded quota" in sentence
    assert "raise the quota" in sentence
    asked = world.replicas()
    with pytest.raises(FleetError, match="raise the quota"):
        fleet.start(1)
    assert world.replicas() == asked


@pytest.mark.parametrize(
    ("verb", "resource"),
    [("get", "deployments"), ("list", "replicasets"), ("list", "pods"), ("patch", "pods"),
     ("get", "deployments/scale"), ("update", "deployments/scale")],
)  # fmt: skip
def test_the_permission_that_is_missing_is_named(
    world: RealKubernetes, fleet: KubernetesFleet, verb: str, resource: str
) -> None:
    (member,) = _bring_up(world, fleet, 1)
    world.forbid(verb, resource)
    what = f"may not {verb} {resource} in namespace {world.namespace}.*{RBAC}"
    with pytest.raises(FleetError, match=what):
        fleet.stop([member.key])
    assert world.replicas() == 1
    assert world.runs(member)


def test_autoscalers_need_not_be_seen(world: RealKubernetes, fleet: KubernetesFleet) -> None:
    world.forbid("list", "horizontalpodautoscalers")
    assert fleet.list_members() == []


def test_a_pod_that_is_pending_does_not_go_instead(
    world: RealKubernetes, fleet: KubernetesFleet
) -> None:
    """It would rank before the one that was chosen, whatever the costs."""
    chosen, other = _bring_up(world, fleet, 2)
    fleet.start(1)
    fleet.stop([chosen.key])
    wait_until(lambda: world.find(chosen) is None, "the end of the chosen one", world.patience)
    wait_until(lambda: world.count() == len(world.pods()) == 2, "two", world.patience)
    assert world.replicas() == 2
    assert not world.was_killed(chosen)
    assert not world.stop_requests(other)


def test_one_that_was_passed_over_is_reported_and_stopped_by_name(
    world: RealKubernetes, knows_cost: bool
) -> None:
    """Where costs are not known, the youngest goes."""
    if knows_cost:
        pytest.skip("this cluster follows the deletion cost")
    fleet = world.make_fleet(patience=5.0)
    (chosen,) = _bring_up(world, fleet, 1)
    time.sleep(2)
    (second,) = _bring_up(world, fleet, 1)
    time.sleep(2)
    (third,) = _bring_up(world, fleet, 1)
    fleet.stop([chosen.key])
    wait_until(lambda: world.find(third) is None, "the end of another", world.patience)
    wait_until(
        lambda: _member(fleet, chosen).phase is Phase.RUNNING, "the request to end", world.patience
    )
    assert "removed another pod in its place" in _member(fleet, chosen).detail
    assert not _member(fleet, second).detail
    assert world.replicas() == 2
    fleet.stop([chosen.key])
    wait_until(lambda: world.find(chosen) is None, "the end of the chosen one", world.patience)
    wait_until(lambda: len(world.pods()) == 1, "one pod", world.patience)
    assert keys_of(list_live(fleet)) == {second.key}
    assert world.stop_requests(second) == 0
    assert world.replicas() == 1


def test_a_pod_that_failed_is_reported_and_deleted(
    world: RealKubernetes, fleet: KubernetesFleet
) -> None:
    (member,) = _bring_up(world, fleet, 1)
    world.die(member)
    wait_until(lambda: _member(fleet, member).phase is Phase.ENDED, "its end", world.patience)
    assert "DeadlineExceeded: " in _member(fleet, member).detail
    wait_until(lambda: world.count() == 1, "the one in its place", world.patience)
    fleet.clear([member.key])
    assert member.key not in keys_of(fleet.list_members())
    assert world.replicas() == 1


def _member(fleet: KubernetesFleet, member: Member) -> Member:
    return next(m for m in fleet.list_members() if m.key == member.key)


def _bring_up(world: RealKubernetes, fleet: KubernetesFleet, count: int) -> list[Member]:
    """Start `count` more workers; returns them when they are ready."""
    before = keys_of(fleet.list_members())
    fleet.start(count)

    def ready() -> list[Member]:
        new = [m for m in list_live(fleet) if m.key not in before and m.phase is Phase.RUNNING]
        found = {pod["metadata"]["name"] for pod in world.pods() if _is_ready(pod)}
        return [member for member in new if member.host in found]

    return list(wait_until(lambda: len(ready()) >= count and ready(), "pods", world.patience))


def _wait_pods(world: RealKubernetes, count: int) -> list[dict[str, Any]]:
    is_so: Callable[[], bool] = lambda: sum(map(_is_ready, world.pods())) == count  # noqa: E731
    wait_until(is_so, f"{count} pods", world.patience)
    return world.pods()


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _is_counted(world: RealKubernetes) -> bool:
    quota = world.admin.call("GET", f"{world.core}/resourcequotas/few")
    return bool((quota.get("status") or {}).get("used"))
