"""The API server as the back-end asks it: few calls, in time, and each refusal in one sentence."""

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from scaling.fleet.base import FleetError

Object = dict[str, Any]
# Where a pod finds who it is: page "Accessing the Kubernetes API from a Pod".
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_RBAC = "deploy/kubernetes/autoscaler-rbac.yaml"
_SECONDS = 10.0  # for all calls of one method of the fleet
_CONNECT_SECONDS = 3.0
_PAGE = 500
_MERGE = "application/merge-patch+json"
# Whose refusal it is, for the sentence.
_RESOURCES = {
    "deployment": "deployments",
    "deployment_scale": "deployments/scale",
    "replica_set": "replicasets",
    "pod": "pods",
    "horizontal_pod_autoscaler": "horizontalpodautoscalers",
}
_VERBS = {"read": "get", "list": "list", "replace": "update", "patch": "patch", "delete": "delete"}


class ApiError(FleetError):
    """The API server answered, with this HTTP status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass
class ApiServer:
    """The API server, for one namespace. Every method may raise FleetError.

    namespace: empty for that of this pod, or of the context in use.
    seconds: how long all calls since `begin` may take together.
    """

    namespace: str = ""
    seconds: float = _SECONDS
    _deadline: float = 0.0
    _groups: dict[str, Any] = field(default_factory=dict)
    _host: str = ""
    _client: Any = None
    _failures: tuple[type[Exception], ...] = ()

    def begin(self) -> None:
        """The time for the calls that follow runs from now."""
        self._deadline = time.monotonic() + self.seconds

    def get_deployment(self, name: str) -> Object:
        """Raises ApiError 404: there is none."""
        return self._call("apps", "read", "deployment", name=name)

    def get_scale(self, name: str) -> tuple[int, str]:
        """How many replicas a deployment shall have, and the version at which this was so."""
        scale = self._call("apps", "read", "deployment_scale", name=name)
        return int(scale.get("spec", {}).get("replicas", 0)), scale["metadata"]["resourceVersion"]

    def set_scale(self, name: str, replicas: int, version: str) -> None:
        """Raises ApiError 409: it has changed since that version."""
        from kubernetes import client

        metadata = client.V1ObjectMeta(
            name=name, namespace=self.namespace, resource_version=version
        )
        scale = client.V1Scale(metadata=metadata, spec=client.V1ScaleSpec(replicas=replicas))
        self._call("apps", "replace", "deployment_scale", name=name, body=scale)

    def list_replicasets(self, selector: str) -> list[Object]:
        """Those with these labels."""
        return self._list("apps", "replica_set", selector)

    def list_pods(self, selector: str) -> list[Object]:
        """Those with these labels."""
        return self._list("core", "pod", selector)

    def list_autoscalers(self) -> list[Object]:
        """The HorizontalPodAutoscalers of the namespace; none where they may not be seen."""
        try:
            return self._list("autoscaling", "horizontal_pod_autoscaler", "")
        except ApiError as refusal:
            if refusal.status in (403, 404):
                return []
            raise

    def annotate_pod(self, name: str, uid: str, annotations: dict[str, str]) -> bool:
        """Whether it is still there. Another pod of this name is left alone."""
        body = {"metadata": {"uid": uid, "annotations": annotations}}
        return self._try_pod("patch", name, body=body, _content_type=_MERGE)

    def delete_pod(self, name: str, uid: str) -> bool:
        """With its own grace. Whether it was still there; another of this name is left alone."""
        from kubernetes import client

        options = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=uid))
        return self._try_pod("delete", name, body=options)

    def close(self) -> None:
        """Its connections end."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _try_pod(self, verb: str, name: str, **given: Any) -> bool:
        try:
            self._call("core", verb, "pod", name=name, **given)
        except ApiError as refusal:
            if refusal.status in (404, 409):
                return False
            raise
        return True

    def _list(self, group: str, kind: str, selector: str) -> list[Object]:
        items: list[Object] = []
        more: dict[str, str] = {}
        while True:
            labels = {"label_selector": selector} if selector else {}
            answer = self._call(group, "list", kind, limit=_PAGE, **labels, **more)
            items += answer.get("items") or []
            token = (answer.get("metadata") or {}).get("continue")
            if not token:
                return items
            more = {"_continue": token}

    def _call(self, group: str, verb: str, kind: str, **given: Any) -> Object:
        self.connect()
        left = self._deadline - time.monotonic()
        if left <= 0:
            self._give_up("it took too long")
        method = getattr(self._groups[group], f"{verb}_namespaced_{kind}")
        try:
            # As it came: making objects of a thousand pods takes longer than all the rest.
            answer = method(
                namespace=self.namespace,
                _preload_content=False,
                _request_timeout=(min(_CONNECT_SECONDS, left), left),
                **given,
            )
            found: Object = json.loads(answer.data)
        except self._failures as error:
            status = getattr(error, "status", None)
            if not status:
                self._give_up(_brief(error))
            raise ApiError(
                status, self._explain(status, verb, kind, given.get("name", ""), error)
            ) from None
        return found

    def connect(self) -> None:
        """As a pod does, or else as kubectl does. The first call of any method does it."""
        if self._client is not None:
            return
        try:
            from kubernetes import client, config
            from urllib3.exceptions import HTTPError
        except ImportError:
            raise FleetError(
                "The back-end 'kubernetes' needs the official client: "
                "pip install -r requirements/kubernetes.txt."
            ) from None
        configuration = client.Configuration()
        try:
            if "KUBERNETES_SERVICE_HOST" in os.environ:
                config.load_incluster_config(client_configuration=configuration)
                context = ""
            else:
                path = os.environ.get("KUBECONFIG") or None
                config.load_kube_config(
                    path, client_configuration=configuration, persist_config=False
                )
                current = config.list_kube_config_contexts(path)[1]
                context = current["context"].get("namespace") or ""
        except config.ConfigException as error:
            raise FleetError(
                f"How to reach Kubernetes is not known ({_brief(error)}): run the autoscaler in a "
                "pod with a service account, or set KUBECONFIG."
            ) from None
        configuration.retries = 0  # the loop's next pass is the retry, and one call has its time
        self.namespace = self.namespace or read_namespace() or context
        if not self.namespace:
            raise FleetError(
                "In which namespace the workers are is not known: set "
                "AUTO_SCALING_KUBERNETES_NAMESPACE."
            )
        self._client = client.ApiClient(configuration)
        self._host = configuration.host
        self._failures = (client.ApiException, HTTPError, OSError, json.JSONDecodeError)
        self._groups = {
            "apps": client.AppsV1Api(self._client),
            "core": client.CoreV1Api(self._client),
            "autoscaling": client.AutoscalingV1Api(self._client),
        }

    def _give_up(self, why: str) -> NoReturn:
        raise FleetError(
            f"The API server of Kubernetes at {self._host} does not answer ({why}): look whether "
            "it runs and can be reached from here, and whether KUBECONFIG names it."
        ) from None

    def _explain(self, status: int, verb: str, kind: str, name: str, error: Exception) -> str:
        resource = _RESOURCES[kind]
        what = f"{_VERBS[verb]} {resource} in namespace {self.namespace}"
        if status == 401:
            return (
                "The API server of Kubernetes does not know the autoscaler: give its pod a service "
                f"account as {_RBAC} does, or renew the credentials in KUBECONFIG."
            )
        if status == 403:
            return f"The autoscaler may not {what}: apply {_RBAC}, which allows it."
        if status == 404 and kind.startswith("deployment"):
            return (
                f"There is no deployment {name} in namespace {self.namespace}: set "
                "AUTO_SCALING_KUBERNETES_DEPLOYMENT and AUTO_SCALING_KUBERNETES_NAMESPACE."
            )
        message = _brief(_read_message(error))
        return (
            f"The API server of Kubernetes answered {status} to {what} ({message}): look at its "
            "state if that goes on; the next pass tries again."
        )


def read_namespace(account: Path = _ACCOUNT) -> str:
    """The namespace of the pod in which this runs; empty outside of one."""
    try:
        return (account / "namespace").read_text().strip()
    except OSError:
        return ""


def _read_message(error: Exception) -> str:
    """Of the object Status that comes with every refusal."""
    body = getattr(error, "body", None) or ""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return str(getattr(error, "reason", "") or "no message")


def _brief(error: Exception | str) -> str:
    """In one line, without a full stop."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:150].rstrip(" .:")
