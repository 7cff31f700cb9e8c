"""Workers that are pods of a Deployment. Their number is its scale. The deletion cost of a pod
selects the one to remove; where the cost would not decide, it is deleted by name.

A ReplicaSet removes pods in an order of its own (page "ReplicaSet"): first those on no machine,
then the pending, then those that are not ready, and only then the ones of the lowest deletion cost.
"""

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings

from controlplane.core.clock import now
from scaling.fleet.base import FleetError, Member, Phase
from scaling.fleet.kubernetes_client import ApiError, ApiServer, Object
from scaling.fleet.kubernetes_pods import (
    ASKED_AT,
    DELETION_COST,
    LOWEST_COST,
    Pod,
    owner_of,
    read_pod,
    read_revision,
    write_selector,
)

logger = logging.getLogger(__name__)

# For this long a pod that was asked to end may stay before another one must have gone instead.
_PATIENCE_SECONDS = 60.0
_TRIES = 5
_FIRST_PAUSE_SECONDS = 0.05
_REPLACED = "A roll-out replaces it."
_PASSED_OVER = "Kubernetes removed another pod in its place; it will be deleted by name."


@dataclass(frozen=True, slots=True)
class _View:
    """The deployment at one moment. problem: why it cannot have the requested pods."""

    replicas: int
    pods: list[Pod]
    problem: str
    patience: float
    newest: str = ""  # uid of the ReplicaSet with the deployment's present template

    @property
    def active(self) -> list[Pod]:
        return [pod for pod in self.pods if pod.is_active]

    def find(self, keys: Sequence[str]) -> list[Pod]:
        wanted = set(keys)
        return [pod for pod in self.pods if pod.key in wanted]

    @property
    def replaced(self) -> set[str]:
        """The keys of the pods that a roll-out is about to remove: those of an earlier template
        beyond the scale. Without this they would count as workers too many, and the scale would be
        lowered for pods that go by themselves."""
        asked = sum(pod.asked_at is not None for pod in self.active)
        surplus = max(0, len(self.active) - asked - self.replicas)
        old = [p for p in self.active if p.asked_at is None and p.owner != self.newest]
        return {pod.key for pod in old[:surplus]}

    def was_passed_over(self, pod: Pod) -> bool:
        """It was asked to end and the number of pods is right, but it still exists."""
        if pod.asked_at is None or not pod.is_active or len(self.active) > self.replicas:
            return False
        return now() - pod.asked_at >= timedelta(seconds=self.patience)

    def ranks_before(self, pod: Pod, chosen: Collection[Pod]) -> bool:
        """Whether a pod that should stay would be removed before this one; requested pods that do
        not exist yet count as pending."""
        if self.replicas > len(self.active):
            return True
        staying = [p for p in self.active if p not in chosen and p.asked_at is None]
        return any(other.rank < pod.rank for other in staying)

    def member(self, pod: Pod) -> Member:
        phase, detail = pod.phase, pod.detail
        if pod.asked_at is not None and pod.is_active:
            if self.was_passed_over(pod):
                detail = _PASSED_OVER
            else:
                phase, detail = Phase.STOPPING, ""
        elif pod.key in self.replaced:
            phase, detail = Phase.STOPPING, _REPLACED
        return Member(
            key=pod.key,
            phase=phase,
            host=pod.name,
            started_at=pod.created_at,
            detail=detail,
        )


@dataclass
class KubernetesFleet:
    """The pods of one Deployment. `patience`: seconds, see above."""

    deployment: str
    server: ApiServer = field(default_factory=ApiServer)
    patience: float = _PATIENCE_SECONDS
    name: str = "kubernetes"
    moves: bool = True
    usual_startup: float = 60.0
    _may_clear: bool = True

    @classmethod
    def from_settings(cls) -> "KubernetesFleet":
        """Raises FleetError: the client is missing, or there is no configuration of the API
        server."""
        given = settings.TASKPLANE_SCALING
        server = ApiServer(namespace=given["KUBERNETES_NAMESPACE"])
        server.connect()
        return cls(deployment=given["KUBERNETES_DEPLOYMENT"], server=server)

    def list_members(self) -> list[Member]:
        """All pods of the deployment, including those of earlier versions of its template."""
        view = self._look()
        return [view.member(pod) for pod in view.pods]

    def start(self, count: int) -> list[str]:
        """Raise the scale. The cluster assigns the names later. It starts from the present scale,
        not from the existing pods: those of the previous call may not exist yet."""
        view = self._look()
        if count < 1:
            return []
        if view.problem and view.replicas > len(view.active):
            raise FleetError(
                f"Kubernetes cannot make the pods of deployment {self.deployment} that were "
                f"already requested ({view.problem}): raise the quota, or correct the pod template."
            )
        self._change_scale(count)
        return []

    def fence(self, keys: Sequence[str]) -> None:
        """Make them the first to be removed. Kubernetes always restarts a process that ends in a
        pod, so workers must not end by themselves there: WORKER_EXIT_WHEN_DRAINED=false."""
        for pod in self._look().find(keys):
            if pod.is_active and not pod.is_cheapest:
                self.server.annotate_pod(pod.name, pod.uid, {DELETION_COST: LOWEST_COST})

    def stop(self, keys: Sequence[str]) -> None:
        """Lower the scale by the number of those that were not asked yet. Those that would not be
        removed first, or were passed over, are deleted by name before: the pod that replaces one is
        then removed first."""
        view = self._look()
        chosen = [
            pod
            for pod in view.find(keys)
            if pod.is_active and (pod.asked_at is None or view.was_passed_over(pod))
        ]
        # Written down first: a loop that dies in between leaves one pod too many for a while, and
        # never takes one too many away.
        marks = {DELETION_COST: LOWEST_COST, ASKED_AT: now().isoformat()}
        asked = [p for p in chosen if self.server.annotate_pod(p.name, p.uid, marks)]
        for pod in asked:
            if view.was_passed_over(pod) or view.ranks_before(pod, asked):
                self.server.delete_pod(pod.name, pod.uid)
        if asked:
            self._change_scale(-len(asked))

    def clear(self, keys: Sequence[str]) -> None:
        """Delete failed pods, such as evicted ones: Kubernetes removes them only when there are
        thousands. Without the permission they stay, and do no harm."""
        for pod in self._look().find(keys):
            if pod.phase is Phase.ENDED and not pod.is_terminating and self._may_clear:
                try:
                    self.server.delete_pod(pod.name, pod.uid)
                except ApiError as refusal:
                    if refusal.status != 403:
                        raise
                    logger.warning("Failed pods not removed: error=%s", refusal)
                    self._may_clear = False

    def close(self) -> None:
        self.server.close()

    def _look(self) -> _View:
        self.server.begin()
        deployment = self.server.get_deployment(self.deployment)
        self._check_template(deployment)
        self._check_autoscalers()
        selector = write_selector(deployment["spec"]["selector"])
        uid = deployment["metadata"]["uid"]
        found = [i for i in self.server.list_replicasets(selector) if owner_of(i) == uid]
        sets = {each["metadata"]["uid"] for each in found}
        pods = [read_pod(i) for i in self.server.list_pods(selector) if owner_of(i) in sets]
        return _View(
            replicas=deployment["spec"].get("replicas", 1),
            pods=sorted(pods, key=lambda pod: (pod.created_at, pod.name)),
            problem=_read_problem(deployment),
            patience=self.patience,
            newest=max(found, key=read_revision)["metadata"]["uid"] if found else "",
        )

    def _check_template(self, deployment: Object) -> None:
        """Nodes are identified by their host, which is the pod's name unless the template changes
        it."""
        spec = deployment["spec"]["template"]["spec"]
        for name in ("hostNetwork", "hostname"):
            if spec.get(name):
                raise FleetError(
                    f"Pods of deployment {self.deployment} cannot be distinguished: remove {name} "
                    "from its pod template."
                )

    def _check_autoscalers(self) -> None:
        for each in self.server.list_autoscalers():
            target = each["spec"]["scaleTargetRef"]
            if (target.get("kind"), target.get("name")) == ("Deployment", self.deployment):
                raise FleetError(
                    f"The HorizontalPodAutoscaler {each['metadata']['name']} scales deployment "
                    f"{self.deployment} too, and each would undo the changes of the other: delete "
                    "it (or the ScaledObject that created it), or set "
                    "AUTO_SCALING_BACKEND=advisory."
                )

    def _change_scale(self, difference: int) -> None:
        """Change the present scale. Its version changes with every state of the deployment, so
        conflicts are common."""
        for attempt in range(_TRIES):
            replicas, version = self.server.get_scale(self.deployment)
            try:
                self.server.set_scale(self.deployment, max(0, replicas + difference), version)
            except ApiError as refusal:
                if refusal.status != 409:
                    raise
                time.sleep(_FIRST_PAUSE_SECONDS * 2**attempt)
            else:
                return
        raise FleetError(
            f"The scale of deployment {self.deployment} changed {_TRIES} times while it was being "
            "set: check what else scales it, or wait until the roll-out ends."
        )


def _read_problem(deployment: Object) -> str:
    conditions = (deployment.get("status") or {}).get("conditions") or []
    for each in conditions:
        if each["type"] == "ReplicaFailure" and each["status"] == "True":
            return " ".join(str(each.get("message") or each.get("reason")).split())[:200]
    return ""
