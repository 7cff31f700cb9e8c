"""What goes wrong in a cluster, and what the kubernetes back-end says and does about it."""

import ssl
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from kubernetes.config import incluster_config
from pytest_django import Settings

from scaling.fleet import FleetError, Phase, make_fleet
from scaling.fleet.kubernetes import KubernetesFleet
from scaling.fleet.kubernetes_client import ApiServer as Client
from scaling.fleet.kubernetes_client import read_namespace
from tests.engine import wait_until
from tests.fleets.contract import keys_of
from tests.fleets.kubernetes_api import TOKEN, ApiServer
from tests.fleets.kubernetes_cluster import Cluster
from tests.fleets.kubernetes_world import (
    DEPLOYMENT,
    RBAC,
    Kubernetes,
    bring_up,
    hpa,
    open_cluster,
)
from tests.unit.processors.certificates import make_authority


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubernetes]:
    with open_cluster(tmp_path, monkeypatch) as opened:
        yield opened


@pytest.fixture
def fleet(world: Kubernetes) -> KubernetesFleet:
    return world.make_fleet()


def test_conflicts_are_read_again_but_not_for_ever(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    left = [3]

    def meddle(verb: str, resource: str) -> None:
        if (verb, resource) == ("update", "deployments/scale") and left[0]:
            left[0] -= 1
            world.cluster.touch(world.cluster.deployments[DEPLOYMENT])

    world.server.before = meddle
    fleet.start(2)
    assert (world.replicas(), left) == (2, [0])
    left[0] = 100
    with pytest.raises(FleetError, match="changed 5 times while it was being set"):
        fleet.start(2)
    assert world.replicas() == 2


def test_pods_that_cannot_be_made_are_not_asked_for_again(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    world.cluster.quota = 2
    fleet.start(3)
    wait_until(lambda: world.count() == 2, "two pods")
    with pytest.raises(FleetError, match="exceeded quota.*raise the quota"):
        fleet.start(1)
    assert world.replicas() == 3
    world.cluster.quota = 10
    wait_until(lambda: world.count() == 3, "the third")
    bring_up(fleet, 1)
    assert world.replicas() == 4


def test_why_one_does_not_become_ready_is_reported(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    cluster = world.cluster
    cluster.unschedulable = "0/2 nodes are available: 2 Insufficient cpu."
    fleet.start(1)

    wait_until(fleet.list_members, "the pod")

    def detail() -> str:
        (member,) = fleet.list_members()
        assert member.phase is Phase.STARTING
        return member.detail

    wait_until(lambda: detail() == f"Unschedulable: {cluster.unschedulable}", "the scheduler's")
    cluster.waiting = ("ImagePullBackOff", 'Back-off pulling image "taskplane:9"')
    cluster.unschedulable = ""
    wait_until(lambda: detail().startswith("ImagePullBackOff: Back-off pulling"), "the kubelet's")
    (member,) = fleet.list_members()
    fleet.stop([member.key])
    wait_until(lambda: fleet.list_members() == [], "its end")


def test_a_container_that_ended_is_reported_until_it_runs_again(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    (member,) = bring_up(fleet, 1)
    world.cluster.start_delay = 600
    with world.cluster.lock:
        world.cluster.exit_container(member.host, 137)
    (found,) = fleet.list_members()
    assert (found.phase, found.detail) == (
        Phase.STARTING,
        "It was killed by signal 9 (SIGKILL), exit code 137.",
    )


def test_pods_that_failed_are_reported_and_stay_where_they_may_not_be_deleted(
    world: Kubernetes, fleet: KubernetesFleet, caplog: pytest.LogCaptureFixture
) -> None:
    (member,) = bring_up(fleet, 1)
    world.die(member)
    dead = next(m for m in fleet.list_members() if m.key == member.key)
    assert dead.phase is Phase.ENDED
    assert dead.detail == "Evicted: The node was low on resource: memory."
    world.server.denied = {("delete", "pods")}
    fleet.clear([member.key])
    fleet.clear([member.key])
    assert [RBAC in record.getMessage() for record in caplog.records] == [True]
    assert member.key in keys_of(fleet.list_members())


@pytest.mark.parametrize(
    ("verb", "resource"),
    [("get", "deployments"), ("list", "replicasets"), ("list", "pods"), ("patch", "pods"),
     ("get", "deployments/scale"), ("update", "deployments/scale")],
)  # fmt: skip
def test_the_permission_that_is_missing_is_named(
    world: Kubernetes, fleet: KubernetesFleet, verb: str, resource: str
) -> None:
    (member,) = bring_up(fleet, 1)
    world.server.denied = {(verb, resource)}
    with pytest.raises(FleetError, match=f"may not {verb} {resource} in namespace tasks.*{RBAC}"):
        fleet.stop([member.key])
    assert world.replicas() == 1
    assert world.runs(member)


def test_autoscalers_of_others_do_not_matter(world: Kubernetes, fleet: KubernetesFleet) -> None:
    world.cluster.autoscalers["web"] = hpa("web", "web")
    assert fleet.list_members() == []
    world.cluster.autoscalers["rival"] = hpa("rival", DEPLOYMENT)
    with pytest.raises(FleetError, match="HorizontalPodAutoscaler rival"):
        fleet.start(1)
    assert world.replicas() == 0
    world.server.denied = {("list", "horizontalpodautoscalers")}
    assert fleet.list_members() == []


def test_pods_of_an_older_template_are_members(world: Kubernetes, fleet: KubernetesFleet) -> None:
    bring_up(fleet, 1)
    with world.cluster.lock:
        newest = next(iter(world.cluster.replicasets))
        world.cluster.add_replicaset(DEPLOYMENT, "older", 2)
        world.cluster.replicasets[newest] = world.cluster.replicasets.pop(newest)
    wait_until(lambda: len(fleet.list_members()) == 3, "those of both")


def test_an_api_that_hangs_is_given_up_in_time(world: Kubernetes) -> None:
    fleet = world.make_fleet(seconds=0.3)
    world.server.hangs_seconds = 1.0
    with pytest.raises(FleetError, match="does not answer"):
        fleet.list_members()


def test_nodes_must_be_distinguishable(world: Kubernetes, fleet: KubernetesFleet) -> None:
    world.cluster.add_deployment(DEPLOYMENT, hostNetwork=True)
    with pytest.raises(FleetError, match="remove hostNetwork from its pod template"):
        fleet.list_members()


def test_another_pod_of_the_same_name_is_left_alone(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    (member,) = bring_up(fleet, 1)
    for key in (f"{member.host}/0", member.host):
        fleet.stop([key])
    assert not fleet.server.annotate_pod(member.host, "0", {"a": "b"})
    assert not fleet.server.delete_pod(member.host, "0")
    assert world.runs(member)
    assert world.replicas() == 1


def test_a_pod_ends_with_the_grace_of_its_template(
    world: Kubernetes, fleet: KubernetesFleet
) -> None:
    members = bring_up(fleet, 2)
    world.hold_endings()
    fleet.stop([members[0].key])
    wait_until(lambda: world.stop_requests(members[0]), "the request to end")
    pod = next(p for p in world.pods() if p["metadata"]["name"] == members[0].host)
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 30
    assert members[0].started_at is not None
    assert abs(members[0].started_at - members[1].started_at) < timedelta(seconds=30)


class TestSettings:
    """From the settings to a fleet, and what may be missing."""

    def test_it_is_made_from_the_settings(
        self, world: Kubernetes, settings: Settings, tmp_path: Path
    ) -> None:
        world.cluster.add_deployment("ours", replicas=1)
        settings.TASKPLANE_SCALING = {
            **settings.TASKPLANE_SCALING,
            "KUBERNETES_DEPLOYMENT": "ours",
            "KUBERNETES_NAMESPACE": "",
        }
        fleet = make_fleet("kubernetes")
        assert (fleet.name, fleet.moves) == ("kubernetes", True)
        wait_until(lambda: len(fleet.list_members()) == 1, "its pod")
        fleet.close()
        assert len(fleet.list_members()) == 1, "a closed one opens again"
        fleet.close()

        settings.TASKPLANE_SCALING = {
            **settings.TASKPLANE_SCALING,
            "KUBERNETES_NAMESPACE": "elsewhere",
        }
        with pytest.raises(FleetError, match="no deployment ours.*namespace elsewhere"):
            make_fleet("kubernetes").list_members()

    def test_a_namespace_is_needed(
        self, world: Kubernetes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        path = world.server.write_kubeconfig(tmp_path / "bare", namespace=None)
        monkeypatch.setenv("KUBECONFIG", str(path))
        with pytest.raises(FleetError, match="set AUTO_SCALING_KUBERNETES_NAMESPACE"):
            make_fleet("kubernetes")

    @pytest.mark.parametrize("where", ["outside", "in a pod without an account"])
    def test_a_way_to_the_cluster_is_needed(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
    ) -> None:
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
        if where != "outside":
            monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "")
            monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
        with pytest.raises(FleetError, match=r"reaching Kubernetes \(.*set KUBECONFIG\.$"):
            make_fleet("kubernetes")

    def test_the_client_is_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "kubernetes", None)
        with pytest.raises(FleetError, match=r"pip install -r requirements/kubernetes\.txt"):
            make_fleet("kubernetes")

    def test_a_pod_speaks_as_its_service_account(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Over TLS, with the authority and the token that Kubernetes puts into a pod; the token is
        renewed from time to time."""
        authority = make_authority(tmp_path, names=["localhost"])
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(authority.certificate, authority.key)
        cluster = Cluster()
        cluster.add_deployment(DEPLOYMENT, replicas=1)
        cluster.start()
        server = ApiServer(cluster, tls)
        token = tmp_path / "token"
        token.write_text(TOKEN)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "localhost")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
        monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
        monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority.trust))
        fleet = KubernetesFleet(DEPLOYMENT, Client("tasks"))
        wait_until(lambda: len(fleet.list_members()) == 1, "its pod")
        server.token = "another"
        with pytest.raises(FleetError, match="does not know the autoscaler"):
            fleet.list_members()
        fleet.close()
        token.write_text("another")
        assert len(fleet.list_members()) == 1
        fleet.close()
        server.close()
        cluster.stop()

    def test_a_pod_knows_its_namespace(self, tmp_path: Path) -> None:
        assert read_namespace(tmp_path) == ""
        (tmp_path / "namespace").write_text("tasks\n")
        assert read_namespace(tmp_path) == "tasks"
