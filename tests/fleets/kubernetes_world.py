"""A cluster for tests of the kubernetes back-end: looked at from inside, spoken with over HTTP."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scaling.fleet import Fleet, Member, Phase
from scaling.fleet.kubernetes import KubernetesFleet
from scaling.fleet.kubernetes_client import ApiServer
from tests.engine import wait_until
from tests.fleets.contract import Fault, list_live
from tests.fleets.kubernetes_api import ApiServer as FakeServer
from tests.fleets.kubernetes_cluster import NAMESPACE, Cluster, Object

DEPLOYMENT = "taskplane-worker"
RBAC = "deploy/kubernetes/autoscaler-rbac.yaml"


@dataclass
class Kubernetes:
    """One namespace of a cluster, seen without its API."""

    server: FakeServer
    shares_host: bool = False
    patience: float = 20.0
    settle: float = 0.5
    faults: Sequence[Fault] = (
        Fault("away", "KUBECONFIG"),
        Fault("unknown caller", RBAC),
        Fault("no permission", RBAC),
        Fault("no deployment", "AUTO_SCALING_KUBERNETES_DEPLOYMENT"),
        Fault("broken", "etcdserver: request timed out"),
        Fault("a rival", "AUTO_SCALING_BACKEND=advisory"),
    )
    fleets: list[KubernetesFleet] = field(default_factory=list)
    _cure: Callable[[], Any] = lambda: None

    @property
    def cluster(self) -> Cluster:
        return self.server.cluster

    def make_fleet(self, **given: Any) -> KubernetesFleet:
        seconds = given.pop("seconds", 10.0)
        fleet = KubernetesFleet(DEPLOYMENT, ApiServer(NAMESPACE, seconds=seconds), **given)
        self.fleets.append(fleet)
        return fleet

    def pods(self, deployment: str = DEPLOYMENT) -> list[Object]:
        with self.cluster.lock:
            return [p for n, p in self.cluster.pods.items() if n.startswith(f"{deployment}-")]

    def count(self) -> int:
        return len({p["metadata"]["uid"] for p in self.pods()} & self.cluster.running)

    def replicas(self) -> int:
        """As the scale is set."""
        return int(self.cluster.deployments[DEPLOYMENT]["spec"]["replicas"])

    def runs(self, member: Member) -> bool:
        return _uid(member) in self.cluster.running

    def stop_requests(self, member: Member) -> int:
        return self.cluster.stop_signals.get(_uid(member), 0)

    def was_killed(self, member: Member) -> bool:
        return _uid(member) in self.cluster.killed

    def hold_endings(self) -> None:
        self.cluster.holds_endings = True

    def release_endings(self) -> None:
        self.cluster.holds_endings = False

    def end(self, member: Member) -> None:
        with self.cluster.lock:
            self.cluster.exit_container(member.host, 0)

    def die(self, member: Member) -> None:
        with self.cluster.lock:
            self.cluster.evict(member.host, "The node was low on resource: memory.")

    def add_stranger(self) -> None:
        """The labels of ours, on pods of another deployment."""
        with self.cluster.lock:
            self.cluster.add_deployment("other", replicas=1)
            other = self.cluster.deployments["other"]
            labels = {"app": "taskplane", "component": DEPLOYMENT, "of": "other"}
            other["spec"]["selector"]["matchLabels"] = labels
        wait_until(lambda: self.count_strangers() == 1, "the stranger")

    def count_strangers(self) -> int:
        return len(self.pods("other"))

    def take_away(self, fault: Fault) -> None:
        server, cluster = self.server, self.cluster
        if fault.name == "away":
            self._cure = server.open
            server.close()
        elif fault.name == "unknown caller":
            server.token, before = "renewed", server.token
            self._cure = lambda: setattr(server, "token", before)
        elif fault.name == "no permission":
            server.denied = {("*", "*")}
            self._cure = server.denied.clear
        elif fault.name == "no deployment":
            with cluster.lock:
                kept = cluster.deployments.pop(DEPLOYMENT)
            self._cure = lambda: cluster.deployments.update({DEPLOYMENT: kept})
        elif fault.name == "broken":
            server.broken = "etcdserver: request timed out"
            self._cure = lambda: setattr(server, "broken", "")
        else:
            cluster.autoscalers["rival"] = hpa("rival", DEPLOYMENT)
            self._cure = cluster.autoscalers.clear

    def give_back(self) -> None:
        self._cure()


def _uid(member: Member) -> str:
    return member.key.split("/")[1]


@contextmanager
def open_cluster(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubernetes]:
    """With an empty deployment, and a KUBECONFIG that leads to it."""
    cluster = Cluster()
    cluster.add_deployment(DEPLOYMENT)
    cluster.start()
    server = FakeServer(cluster)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(server.write_kubeconfig(place / "kubeconfig")))
    opened = Kubernetes(server)
    yield opened
    for fleet in opened.fleets:
        fleet.close()
    cluster.stop()
    server.close()


def hpa(name: str, target: str) -> Object:
    return {
        "metadata": {"name": name, "labels": {}},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": target}, "maxReplicas": 3},
    }


def bring_up(fleet: Fleet, count: int) -> list[Member]:
    """Start `count` workers where there were none; they run."""
    fleet.start(count)

    def running() -> list[Member]:
        return [member for member in list_live(fleet) if member.phase is Phase.RUNNING]

    return list(wait_until(lambda: len(running()) >= count and running(), f"{count} that run"))
