"""A namespace of a real cluster for tests of the kubernetes back-end, made and removed by them.

TEST_KUBECONFIG: the file of somebody who may do everything. TEST_KUBERNETES_IMAGE: an image with
`sh` that the nodes have or can get. The back-end itself speaks as the service account of
deploy/kubernetes, with the permissions that are given there and no others.
"""

import copy
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from scaling.fleet import Member
from scaling.fleet.kubernetes import KubernetesFleet
from scaling.fleet.kubernetes_client import ApiServer
from tests.engine import wait_until
from tests.fleets.contract import Fault
from tests.fleets.kubernetes_cluster import Object
from tests.fleets.kubernetes_owner import (
    GRACE_SECONDS,
    REAL_CONFIG,
    Admin,
    History,
    RefusedError,
    execute,
    is_running,
    owner_of,
)
from tests.fleets.kubernetes_world import DEPLOYMENT, RBAC, hpa

REAL_IMAGE = os.environ.get("TEST_KUBERNETES_IMAGE", "")
ACCOUNT = "taskplane-autoscaler"
COST = "controller.kubernetes.io/pod-deletion-cost"
_FILES = Path(__file__).parents[2] / "deploy/kubernetes"
# A worker's ways, as far as pods go: it hears its signal, and ends unless it is held.
_STAND_IN = """
stopping=
trap 'echo stopping; stopping=1' TERM
while :; do
    if [ "$stopping" ] && [ ! -e /tmp/hold ]; then exit 0; fi
    if [ -e /tmp/end ]; then rm /tmp/end; exit 0; fi
    sleep 0.3
done
"""


class RealKubernetes:
    """One namespace, looked at without the back-end."""

    shares_host = False
    patience = 180.0
    settle = 3.0
    faults: Sequence[Fault] = (
        Fault("away", "KUBECONFIG"),
        Fault("unknown caller", RBAC),
        Fault("no permission", RBAC),
        Fault("no deployment", "AUTO_SCALING_KUBERNETES_DEPLOYMENT"),
        Fault("a rival", "AUTO_SCALING_BACKEND=advisory"),
    )

    def __init__(self, place: Path) -> None:
        self.admin = Admin()
        self.config = place / "kubeconfig"
        self.namespace = f"test-{uuid4().hex[:8]}"
        self.core = f"/api/v1/namespaces/{self.namespace}"
        self.apps = f"/apis/apps/v1/namespaces/{self.namespace}"
        self.rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.namespace}"
        self.fleets: list[KubernetesFleet] = []
        self._cure: Callable[[], Any] = lambda: None
        self.admin.call("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        for path, item in zip(
            (f"{self.core}/serviceaccounts", f"{self.rbac}/roles", f"{self.rbac}/rolebindings"),
            yaml.safe_load_all((_FILES / "autoscaler-rbac.yaml").read_text()),
            strict=True,
        ):
            for each in (item, *item.get("subjects", [])):
                each.get("metadata", each)["namespace"] = self.namespace
            self.admin.call("POST", path, item)
        self.wait_allowed(True)
        self.write_config()
        self.history = History(f"{self.core}/pods")

    def make_fleet(self, **given: Any) -> KubernetesFleet:
        fleet = KubernetesFleet(DEPLOYMENT, ApiServer(self.namespace), **given)
        self.fleets.append(fleet)
        return fleet

    def add_deployment(self, name: str = DEPLOYMENT, replicas: int = 0, **spec: Any) -> None:
        """That of the file for workers, with a container that has no task; spec: what else its pods
        have. It is there when its ReplicaSet is."""
        (item,) = yaml.safe_load_all((_FILES / "worker.yaml").read_text())
        item["metadata"] = {"name": name, "labels": item["metadata"]["labels"]}
        item["spec"]["replicas"] = replicas
        template = item["spec"]["template"]
        if name != DEPLOYMENT:
            for labels in (item["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]):
                labels["of"] = name
        # What stands for a database: a wait for its schema, secrets, an account of their own.
        for key in ("initContainers", "serviceAccountName"):
            del template["spec"][key]
        (container,) = template["spec"]["containers"]
        for volumes in (template["spec"]["volumes"], container["volumeMounts"]):
            volumes[:] = [each for each in volumes if each["name"] != "secrets"]
        for key in ("envFrom", "env", "ports", "startupProbe", "livenessProbe", "readinessProbe"):
            del container[key]
        container |= {"image": REAL_IMAGE, "imagePullPolicy": "IfNotPresent"}
        container |= {"command": ["sh", "-c", _STAND_IN], "resources": {}}
        container |= spec.pop("container", {})
        template["spec"] |= {"terminationGracePeriodSeconds": GRACE_SECONDS, **spec}
        self.admin.call("POST", f"{self.apps}/deployments", item)
        wait_until(lambda: self.sets_of(name), f"the ReplicaSet of {name}", self.patience)

    def deployment(self, name: str = DEPLOYMENT) -> Object:
        return self.admin.call("GET", f"{self.apps}/deployments/{name}")

    def sets_of(self, name: str) -> list[str]:
        uid = self.deployment(name)["metadata"]["uid"]
        items = self.admin.call("GET", f"{self.apps}/replicasets")["items"]
        return [i["metadata"]["uid"] for i in items if owner_of(i) == uid]

    def pods(self, name: str = DEPLOYMENT) -> list[Object]:
        items = self.admin.call("GET", f"{self.core}/pods")["items"]
        return [i for i in items if i["metadata"]["name"].startswith(f"{name}-")]

    def replicas(self) -> int:
        """As the scale is set."""
        return int(self.deployment()["spec"]["replicas"])

    def count(self) -> int:
        return sum(map(is_running, self.pods()))

    def find(self, member: Member) -> Object | None:
        uid = member.key.split("/")[1]
        return next((p for p in self.pods() if p["metadata"]["uid"] == uid), None)

    def runs(self, member: Member) -> bool:
        pod = self.find(member)
        return pod is not None and is_running(pod)

    def stop_requests(self, member: Member) -> int:
        """By its own word while it is there."""
        try:
            return self.admin.read("GET", f"{self.core}/pods/{member.host}/log").count("stopping")
        except RefusedError as refusal:
            if refusal.status not in (400, 404):  # 400: its container is not there any more
                raise
        return int(member.key.split("/")[1] in self.history.asked)

    def was_killed(self, member: Member) -> bool:
        """It was given less than its grace, needed more, or ended with the status of a KILL."""
        return self.history.was_killed(member.key.split("/")[1])

    def hold_endings(self) -> None:
        for pod in self.pods():
            execute(self.namespace, pod["metadata"]["name"], "touch /tmp/hold")

    def release_endings(self) -> None:
        for pod in self.pods():
            if is_running(pod):
                execute(self.namespace, pod["metadata"]["name"], "rm -f /tmp/hold")

    def end(self, member: Member) -> None:
        before = self.restarts(member)
        execute(self.namespace, member.host, "touch /tmp/end")
        wait_until(
            lambda: not self.runs(member) or self.restarts(member) > before,
            f"the end of {member.host}",
            self.patience,
        )

    def restarts(self, member: Member) -> int:
        pod = self.find(member)
        assert pod is not None
        return sum(c["restartCount"] for c in pod["status"].get("containerStatuses") or [])

    def die(self, member: Member) -> None:
        """For good, as the kubelet does it: its time is over."""
        path = f"{self.core}/pods/{member.host}"
        self.admin.call("PATCH", path, {"spec": {"activeDeadlineSeconds": 1}})

    def add_stranger(self) -> None:
        """The labels of ours, on pods of another deployment."""
        self.add_deployment("other", 1)
        wait_until(lambda: self.count_strangers() == 1, "the stranger", self.patience)

    def count_strangers(self) -> int:
        return sum(map(is_running, self.pods("other")))

    def take_away(self, fault: Fault) -> None:
        self._cure = self.write_config
        if fault.name == "away":
            self.write_config(server="https://127.0.0.1:1")
        elif fault.name == "unknown caller":
            self.write_config(token="nobody's")
        elif fault.name == "no permission":
            binding = self._without(f"{self.rbac}/rolebindings", ACCOUNT)
            self.wait_allowed(False)
            self._cure = lambda: (binding(), self.wait_allowed(True))
        elif fault.name == "no deployment":
            put_back = self._without(f"{self.apps}/deployments", DEPLOYMENT)
            self._cure = lambda: (put_back(), self._wait_adopted())
        else:
            path = f"/apis/autoscaling/v1/namespaces/{self.namespace}/horizontalpodautoscalers"
            self.admin.call("POST", path, hpa("rival", DEPLOYMENT))
            self._cure = lambda: self.admin.call("DELETE", f"{path}/rival")

    def give_back(self) -> None:
        self._cure()

    def _without(self, path: str, name: str) -> Callable[[], Any]:
        """What it owns stays. The way back."""
        item = self.admin.call("GET", f"{path}/{name}")
        self.admin.call("DELETE", f"{path}/{name}", propagationPolicy="Orphan")
        wait_until(lambda: not self._exists(f"{path}/{name}"), f"{name} to be gone", self.patience)
        kept = copy.deepcopy(item)
        kept["metadata"] = {k: v for k, v in item["metadata"].items() if k in ("name", "labels")}
        kept.pop("status", None)
        return lambda: self.admin.call("POST", path, kept)

    def _exists(self, path: str) -> bool:
        try:
            self.admin.call("GET", path)
        except RefusedError as refusal:
            if refusal.status != 404:
                raise
            return False
        return True

    def _wait_adopted(self) -> None:
        wait_until(lambda: self.sets_of(DEPLOYMENT), "the ReplicaSet to be adopted", self.patience)

    def forbid(self, verb: str, resource: str) -> None:
        """That permission is taken out of the role."""
        path = f"{self.rbac}/roles/{ACCOUNT}"
        role = self.admin.call("GET", path)
        for rule in role["rules"]:
            if resource in rule["resources"]:
                rule["verbs"].remove(verb)
        role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]
        self.admin.call("PUT", path, role)
        self.wait_allowed(False, verb, resource)

    def wait_allowed(self, wanted: bool, verb: str = "list", resource: str = "pods") -> None:
        """Until the permissions are known to the server."""
        kind, _, part = resource.partition("/")
        group = {"pods": "", "horizontalpodautoscalers": "autoscaling"}.get(kind, "apps")
        asked = {"namespace": self.namespace, "verb": verb, "group": group, "resource": kind}
        asked |= {"subresource": part, "name": DEPLOYMENT}
        account = f"system:serviceaccount:{self.namespace}:{ACCOUNT}"
        spec = {"user": account, "resourceAttributes": asked}
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

        def is_so() -> bool:
            return (
                bool(self.admin.call("POST", path, {"spec": spec})["status"]["allowed"]) == wanted
            )

        wait_until(is_so, f"permission to be {wanted}", self.patience)

    def write_config(self, server: str = "", token: str = "") -> None:
        """For the back-end. Fleets read it again, since their connections are closed."""
        given = yaml.safe_load(Path(REAL_CONFIG).read_text())
        cluster = next(
            c["cluster"] for x in given["contexts"] if x["name"] == given["current-context"]
            for c in given["clusters"] if c["name"] == x["context"]["cluster"]
        )  # fmt: skip
        if not token:
            path = f"{self.core}/serviceaccounts/{ACCOUNT}/token"
            token = self.admin.call("POST", path, {"spec": {}})["status"]["token"]
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "clusters": [
                {"name": "c", "cluster": cluster | ({"server": server} if server else {})}
            ],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        }
        self.config.write_text(json.dumps(content))
        for fleet in self.fleets:
            fleet.close()

    def close(self) -> None:
        self.history.close()
        for fleet in self.fleets:
            fleet.close()
        for item in self.admin.call("GET", f"{self.apps}/deployments")["items"]:
            self.admin.call("DELETE", f"{self.apps}/deployments/{item['metadata']['name']}")
        self.admin.call("DELETE", f"/api/v1/namespaces/{self.namespace}")
        wait_until(self._is_empty, "the pods to go", self.patience)

    def _is_empty(self) -> bool:
        for item in self.admin.call("GET", f"{self.core}/pods")["items"]:
            try:
                path = f"{self.core}/pods/{item['metadata']['name']}"
                self.admin.call("DELETE", path, gracePeriodSeconds="0")
            except RefusedError as refusal:
                if refusal.status != 404:
                    raise
        time.sleep(0.3)
        return not self.admin.call("GET", f"{self.core}/pods")["items"]
