"""A pod from the API server's description, and its state as a member of the fleet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scaling.fleet.base import Phase, describe_end, find_error_line

Object = dict[str, Any]
# Read by the ReplicaSet controller: page "Well-Known Labels, Annotations and Taints".
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
LOWEST_COST = "-2147483648"
_REVISION = "deployment.kubernetes.io/revision"  # page "Deployments"
# Ours: when the pod was asked to end. Kept on the pod, so that the next loop knows it too and does
# not take one more replica away for it.
ASKED_AT = "taskplane/stop-asked-at"

_TERMINAL = {"Failed", "Succeeded"}
_ON_THE_WAY = {"ContainerCreating", "PodInitializing"}
_PLAIN_ENDS = {None, "Error", "Completed"}  # reasons that say no more than the exit code
_DETAIL_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Pod:
    """The values that the fleet needs. rank: the criteria that the ReplicaSet controller compares
    before the deletion cost: on a machine, running, ready.
    """

    name: str
    uid: str
    owner: str  # uid of its ReplicaSet
    created_at: datetime
    phase: Phase
    detail: str
    rank: tuple[bool, bool, bool]
    is_terminating: bool
    is_cheapest: bool
    asked_at: datetime | None

    @property
    def key(self) -> str:
        """A name, which ends in five random letters, belongs to one pod at a time; the uid ensures
        that a key is never reused."""
        return f"{self.name}/{self.uid}"

    @property
    def is_active(self) -> bool:
        """Whether it counts as one of the replicas."""
        return self.phase is not Phase.ENDED and not self.is_terminating


def read_pod(item: Object) -> Pod:
    metadata, status = item["metadata"], item.get("status") or {}
    annotations = metadata.get("annotations") or {}
    is_terminating = metadata.get("deletionTimestamp") is not None
    phase, detail = _read_phase(status)
    if is_terminating and phase is not Phase.ENDED:
        phase, detail = Phase.STOPPING, ""
    conditions = status.get("conditions") or []
    return Pod(
        name=metadata["name"],
        uid=metadata["uid"],
        owner=owner_of(item),
        created_at=datetime.fromisoformat(metadata["creationTimestamp"]),
        phase=phase,
        detail=" ".join(detail.split())[:_DETAIL_LENGTH],
        rank=(
            bool((item.get("spec") or {}).get("nodeName")),
            status.get("phase") == "Running",
            any(c["type"] == "Ready" and c["status"] == "True" for c in conditions),
        ),
        is_terminating=is_terminating,
        is_cheapest=annotations.get(DELETION_COST) == LOWEST_COST,
        asked_at=_read_time(annotations.get(ASKED_AT)),
    )


def owner_of(item: Object) -> str:
    """The uid of its controller; empty if there is none."""
    owners = item["metadata"].get("ownerReferences") or []
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")


def read_revision(replicaset: Object) -> tuple[int, str]:
    """Its place among those of its deployment: the one of the present template has the highest
    number. The number is set a moment after the object was made; until then the time decides."""
    metadata = replicaset["metadata"]
    number = (metadata.get("annotations") or {}).get(_REVISION, "")
    return int(number) if number.isdecimal() else 0, metadata["creationTimestamp"]


def write_selector(selector: Object) -> str:
    """A label selector of an object, in the form of a query."""
    terms = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for each in selector.get("matchExpressions") or []:
        key, values = each["key"], ",".join(each.get("values") or [])
        terms.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[each["operator"]]
        )
    return ",".join(terms)


def _read_phase(status: Object) -> tuple[Phase, str]:
    name = status.get("phase")
    containers = status.get("containerStatuses") or []
    if name in _TERMINAL:
        return Phase.ENDED, _join(status) or _explain_end(containers)
    if name == "Unknown":
        return Phase.RUNNING, "Its machine does not respond, so its state is unknown."
    everyone = [*(status.get("initContainerStatuses") or []), *containers]
    for container in everyone:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason", "") not in {"", *_ON_THE_WAY}:
            ended = _explain_end([container])
            return Phase.STARTING, f"{_join(waiting)} {ended}".strip()
    if name == "Pending":
        for condition in status.get("conditions") or []:
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return Phase.STARTING, _join(condition)
        return Phase.STARTING, ""
    if containers and all("running" in (c.get("state") or {}) for c in containers):
        return Phase.RUNNING, ""
    return Phase.STARTING, _explain_end(containers)


def _join(given: Object) -> str:
    """Reason and message, as far as there are any."""
    reason, message = given.get("reason") or "", given.get("message") or ""
    return f"{reason}: {message}" if reason and message else str(reason or message)


def _explain_end(containers: list[Object]) -> str:
    for container in containers:
        for state in (container.get("state") or {}, container.get("lastState") or {}):
            if ended := state.get("terminated"):
                begun, over = (
                    _read_time(ended.get("startedAt")),
                    _read_time(ended.get("finishedAt")),
                )
                code = -ended["signal"] if ended.get("signal") else ended.get("exitCode")
                return describe_end(
                    code,
                    seconds=(over - begun).total_seconds() if begun and over else None,
                    note=reason if (reason := ended.get("reason")) not in _PLAIN_ENDS else "",
                    error_line=find_error_line(str(ended.get("message") or "").split("\n")),
                )
    return ""


def _read_time(text: str | None) -> datetime | None:
    """None for text that is not a time."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
