"""A small cluster for tests: deployments, their ReplicaSets and pods, and the controllers that move
them. Pods have no process; the signals it would have got are counted.

Names of pages are those of the documentation of Kubernetes.
"""

import copy
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

Object = dict[str, Any]
NAMESPACE = "tasks"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # of generated names: page "Object Names and IDs"
_COST = "controller.kubernetes.io/pod-deletion-cost"
_TICK_SECONDS = 0.01
_TERMINAL = ("Failed", "Succeeded")


def stamp() -> str:
    """Now, to the second, as all times of the API are."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Cluster:
    """One namespace. Delays in seconds. All access under `lock`."""

    schedule_delay: float = 0.03
    start_delay: float = 0.05
    ready_delay: float = 0.0
    end_delay: float = 0.05
    machines: tuple[str, ...] = ("machine-1", "machine-2")
    quota: int | None = None  # pods that may be created
    unschedulable: str = ""  # the scheduler's message
    waiting: tuple[str, str] | None = None  # reason and message with which containers do not start
    holds_endings: bool = False
    is_asleep: bool = False  # the controllers do nothing
    deployments: dict[str, Object] = field(default_factory=dict)
    replicasets: dict[str, Object] = field(default_factory=dict)
    pods: dict[str, Object] = field(default_factory=dict)
    autoscalers: dict[str, Object] = field(default_factory=dict)
    stop_signals: dict[str, int] = field(default_factory=dict)  # by uid of the pod
    killed: set[str] = field(default_factory=set)
    running: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _version: int = 1000
    _due: dict[tuple[str, str], float] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="controllers", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(10)

    def touch(self, item: Object) -> None:
        """Every write gives a new resourceVersion: page "Kubernetes API Concepts"."""
        self._version += 1
        item["metadata"]["resourceVersion"] = str(self._version)

    def add_deployment(self, name: str, *, replicas: int = 0, grace: int = 30, **spec: Any) -> None:
        """Its pods have the labels app and component, so that others may have them too."""
        labels = {"app": "taskplane", "component": name}
        item = {
            "metadata": self._metadata(name, labels),
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"terminationGracePeriodSeconds": grace, **spec},
                },
            },
            "status": {"replicas": 0},
        }
        with self.lock:
            self.deployments[name] = item
            self.touch(item)

    def add_replicaset(self, deployment: str, suffix: str, replicas: int) -> Object:
        """A deployment has one for each state of its template; each object names its owner:
        page "Owners and Dependents". The label keeps them apart: page "Deployments"."""
        owner = self.deployments[deployment]
        labels = {**owner["spec"]["selector"]["matchLabels"], "pod-template-hash": suffix}
        item = {
            "metadata": self._metadata(f"{deployment}-{suffix}", labels, owner, "Deployment"),
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}},
        }
        revision = str(len(_owned(self.replicasets, owner)) + 1)
        item["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = revision
        self.replicasets[item["metadata"]["name"]] = item
        self.touch(item)
        return item

    def delete_pod(self, name: str) -> None:
        """It is marked, gets TERM, and is killed after its grace: page "Pod Lifecycle". One that is
        on no machine, or has ended, goes at once."""
        pod = self.pods[name]
        uid = pod["metadata"]["uid"]
        if not pod["spec"]["nodeName"] or pod["status"]["phase"] in _TERMINAL:
            del self.pods[name]
        elif "deletionTimestamp" not in pod["metadata"]:
            grace = pod["spec"]["terminationGracePeriodSeconds"]
            marks = {"deletionTimestamp": stamp(), "deletionGracePeriodSeconds": grace}
            pod["metadata"] |= marks
            self.stop_signals[uid] = self.stop_signals.get(uid, 0) + 1
            self._due[uid, "kill"] = time.monotonic() + grace
            self._due[uid, "end"] = time.monotonic() + self.end_delay
            self.touch(pod)

    def evict(self, name: str, message: str) -> None:
        """It fails, and its object stays: page "Node-pressure Eviction"."""
        pod = self.pods[name]
        self.running.discard(pod["metadata"]["uid"])
        pod["status"] |= {"phase": "Failed", "reason": "Evicted", "message": message}
        pod["status"] |= {"containerStatuses": [], "conditions": _ready("False")}
        self.touch(pod)

    def exit_container(self, name: str, status: int) -> None:
        """The kubelet starts it again (restartPolicy Always), after a pause that grows: page "Pod
        Lifecycle"."""
        pod = self.pods[name]
        uid = pod["metadata"]["uid"]
        self.running.discard(uid)
        count = pod["status"]["containerStatuses"][0]["restartCount"] + 1
        state = {"terminated": {"exitCode": status, "reason": "Error" if status else "Completed"}}
        pod["status"]["containerStatuses"] = [_container(state, count, state)]
        pod["status"]["conditions"] = _ready("False")
        self._due[uid, "start"] = time.monotonic() + self.start_delay
        self.touch(pod)

    def _metadata(
        self, name: str, labels: Object, owner: Object | None = None, kind: str = ""
    ) -> Object:
        owners = []
        if owner is not None:
            owners = [{"kind": kind, "uid": owner["metadata"]["uid"], "controller": True}]
        return {
            "name": name,
            "namespace": NAMESPACE,
            "uid": str(uuid4()),
            "labels": dict(labels),
            "annotations": {},
            "creationTimestamp": stamp(),
            "ownerReferences": owners,
        }

    def _run(self) -> None:
        while not self._stopping.wait(_TICK_SECONDS):
            with self.lock:
                if not self.is_asleep:
                    for deployment in list(self.deployments.values()):
                        self._keep_deployment(deployment)
                    for replicaset in list(self.replicasets.values()):
                        self._keep_replicaset(replicaset)
                for name in list(self.pods):
                    self._keep_pod(name)

    def _keep_deployment(self, deployment: Object) -> None:
        wanted = deployment["spec"]["replicas"]
        sets = _owned(self.replicasets, deployment)
        if not sets:
            suffix = "".join(random.choices(_LETTERS, k=9))
            sets = [self.add_replicaset(deployment["metadata"]["name"], suffix, wanted)]
        if sets[-1]["spec"]["replicas"] != wanted:  # the newest; older ones are at what they were
            sets[-1]["spec"]["replicas"] = wanted
            self.touch(sets[-1])
        pods = [pod for each in sets for pod in _owned(self.pods, each) if is_active(pod)]
        # A condition says that pods could not be made: page "Deployments".
        status: Object = {"replicas": len(pods)}
        if self.quota is not None and len(self.pods) >= self.quota and len(pods) < wanted:
            message = f'pods "x" is forbidden: exceeded quota, limited: pods={self.quota}'
            failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}
            status["conditions"] = [{**failure, "message": message}]
        if status != deployment["status"]:
            deployment["status"] = status
            self.touch(deployment)

    def _keep_replicaset(self, replicaset: Object) -> None:
        """Pods that end or have ended are not counted: page "ReplicaSet"."""
        active = [pod for pod in _owned(self.pods, replicaset) if is_active(pod)]
        excess = len(active) - replicaset["spec"]["replicas"]
        for _ in range(-excess):
            if self.quota is None or len(self.pods) < self.quota:
                self.create_pod(replicaset)
        if excess > 0:
            per_machine: dict[str, int] = {}
            for pod in active:
                machine = pod["spec"]["nodeName"]
                per_machine[machine] = per_machine.get(machine, 0) + 1
            active.sort(key=lambda pod: rank(pod, per_machine))
            for pod in active[:excess]:
                self.delete_pod(pod["metadata"]["name"])

    def create_pod(self, replicaset: Object) -> None:
        meta, of = replicaset["metadata"], _owner(replicaset)
        deployment = next(d for d in self.deployments.values() if d["metadata"]["uid"] == of)
        name = f"{meta['name']}-{''.join(random.choices(_LETTERS, k=5))}"
        pod = {
            "metadata": self._metadata(name, meta["labels"], replicaset, "ReplicaSet"),
            "spec": {"nodeName": "", **copy.deepcopy(deployment["spec"]["template"]["spec"])},
            "status": {"phase": "Pending", "conditions": []},
        }
        self.pods[name] = pod
        self._due[pod["metadata"]["uid"], "schedule"] = time.monotonic() + self.schedule_delay
        self.touch(pod)

    def _keep_pod(self, name: str) -> None:
        """The scheduler and the kubelet, for one pod."""
        pod = self.pods[name]
        uid, status = pod["metadata"]["uid"], pod["status"]
        if "deletionTimestamp" in pod["metadata"]:
            is_late = self._is_due(uid, "kill")
            if is_late and uid in self.running:
                self.killed.add(uid)
            if is_late or (self._is_due(uid, "end") and not self.holds_endings):
                self.running.discard(uid)
                del self.pods[name]
        elif status["phase"] == "Pending" and not pod["spec"]["nodeName"]:
            self._schedule(pod)
        elif self._is_due(uid, "start") and uid not in self.running:
            self._start_container(pod)
        elif self._is_due(uid, "ready") and status.get("conditions") != _ready("True"):
            status["conditions"] = _ready("True")
            self.touch(pod)

    def _schedule(self, pod: Object) -> None:
        if not self._is_due(pod["metadata"]["uid"], "schedule"):
            return
        if self.unschedulable:
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
            pod["status"]["conditions"] = [condition | {"message": self.unschedulable}]
            return
        pod["spec"]["nodeName"] = self.machines[self._version % len(self.machines)]
        pod["status"]["containerStatuses"] = [_container({"waiting": _CREATING}, 0)]
        self._due[pod["metadata"]["uid"], "start"] = time.monotonic() + self.start_delay
        self.touch(pod)

    def _start_container(self, pod: Object) -> None:
        uid, status = pod["metadata"]["uid"], pod["status"]
        if status["phase"] in _TERMINAL:
            return
        count = status["containerStatuses"][0]["restartCount"]
        state: Object = {"running": {"startedAt": stamp()}}
        if self.waiting is not None:
            state = {"waiting": {"reason": self.waiting[0], "message": self.waiting[1]}}
        else:
            status["phase"] = "Running"
            self.running.add(uid)
            self._due[uid, "ready"] = time.monotonic() + self.ready_delay
            if not self.ready_delay:
                status["conditions"] = _ready("True")
        status["containerStatuses"] = [_container(state, count)]
        self.touch(pod)

    def _is_due(self, uid: str, what: str) -> bool:
        return time.monotonic() >= self._due.get((uid, what), float("inf"))


_CREATING = {"reason": "ContainerCreating"}


def is_active(pod: Object) -> bool:
    """Whether a ReplicaSet counts it."""
    return pod["status"]["phase"] not in _TERMINAL and "deletionTimestamp" not in pod["metadata"]


def rank(pod: Object, per_machine: dict[str, int]) -> tuple[Any, ...]:
    """The order in which pods are removed: pages "ReplicaSet", "Well-Known Labels, Annotations and
    Taints" (pod-deletion-cost), and KEP-2255: on no machine, pending, not ready, lower cost, more
    of them on one machine, younger (its times are put together on a logarithmic scale, so that
    chance decides among those of about the same age)."""
    machine, status = pod["spec"]["nodeName"], pod["status"]
    cost = int(pod["metadata"]["annotations"].get(_COST, "0"))
    is_ready = status.get("conditions") == _ready("True")
    is_running = status["phase"] == "Running"
    return (machine != "", is_running, is_ready, cost, -per_machine[machine], random.random())


def _owned(items: dict[str, Object], owner: Object) -> list[Object]:
    return [item for item in items.values() if _owner(item) == owner["metadata"]["uid"]]


def _owner(item: Object) -> str:
    return next((o["uid"] for o in item["metadata"]["ownerReferences"] if o["controller"]), "")


def _ready(status: str) -> list[Object]:
    return [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": status}]


def _container(state: Object, restarts: int, last: Object | None = None) -> Object:
    return {"name": "worker", "restartCount": restarts, "state": state, "lastState": last or {}}
