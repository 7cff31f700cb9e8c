"""The calls to the API server: few, with a time limit, and each refusal in one sentence."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from scaling.fleet.base import FleetError

Object = dict[str, Any]
# Where a pod finds who it is: page "Accessing the Kubernetes API from a Pod".
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_RBAC = "deploy/kubernetes/autoscaler-rbac.yaml"
_SECONDS = 10.0  # for all calls of one method of the fleet
_CONNECT_SECONDS = 3.0
_PAGE = 500
_MERGE = "application/merge-patch+json"
_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class ApiError(FleetError):
    """The API server responded with this HTTP status and message."""

    def __init__(self, status: int, sentence: str, message: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.message = message

    @property
    def is_other_pod(self) -> bool:
        """It is gone, or another pod has its name. For a patch, another uid is not a conflict but
        an attempt to change the uid."""
        is_change = self.status == 422 and "metadata.uid: Invalid value" in self.message
        return self.status in (404, 409) or is_change


@dataclass
class ApiServer:
    """The API server, for one namespace. Every method may raise FleetError.

    namespace: empty for that of this pod, or of the context in use.
    seconds: how long all calls since `begin` may take together.
    """

    namespace: str = ""
    seconds: float = _SECONDS
    _deadline: float = 0.0
    _client: Any = None
    _failures: tuple[type[Exception], ...] = ()

    def begin(self) -> None:
        self.connect()
        self._deadline = time.monotonic() + self.seconds

    def get_deployment(self, name: str) -> Object:
        """Raises ApiError 404: there is none."""
        return self._call("GET", "deployments", name)

    def get_scale(self, name: str) -> tuple[int, str]:
        """The replicas of a deployment's scale, and its version."""
        scale = self._call("GET", "deployments/scale", name)
        return int(scale["spec"].get("replicas", 0)), scale["metadata"]["resourceVersion"]

    def set_scale(self, name: str, replicas: int, version: str) -> None:
        """Raises ApiError 409 if it has changed since that version."""
        metadata = {"name": name, "namespace": self.namespace, "resourceVersion": version}
        scale = {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": metadata,
            "spec": {"replicas": replicas},
        }
        self._call("PUT", "deployments/scale", name, body=scale)

    def list_replicasets(self, selector: str) -> list[Object]:
        return self._list("replicasets", selector)

    def list_pods(self, selector: str) -> list[Object]:
        return self._list("pods", selector)

    def list_autoscalers(self) -> list[Object]:
        """The HorizontalPodAutoscalers of the namespace; none without the permission to list
        them."""
        try:
            return self._list("horizontalpodautoscalers", "")
        except ApiError as error:
            if error.status in (403, 404):
                return []
            raise

    def annotate_pod(self, name: str, uid: str, annotations: dict[str, str]) -> bool:
        """Patch a pod. Returns whether it still exists. Another pod of this name is ignored."""
        return self._try_pod("PATCH", name, {"metadata": {"uid": uid, "annotations": annotations}})

    def delete_pod(self, name: str, uid: str) -> bool:
        """Delete a pod with its own grace period. Returns whether it still existed. Another pod of
        this name is ignored."""
        return self._try_pod("DELETE", name, {"preconditions": {"uid": uid}})

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _try_pod(self, method: str, name: str, body: Object) -> bool:
        try:
            self._call(method, "pods", name, body=body)
        except ApiError as error:
            if error.is_other_pod:
                return False
            raise
        return True

    def _list(self, resource: str, selector: str) -> list[Object]:
        items: list[Object] = []
        query = {"limit": str(_PAGE)}
        if selector:
            query["labelSelector"] = selector
        while True:
            answer = self._call("GET", resource, query=query)
            items += answer.get("items") or []
            token = (answer.get("metadata") or {}).get("continue")
            if not token:
                return items
            query["continue"] = token

    def _call(
        self,
        method: str,
        resource: str,
        name: str = "",
        *,
        query: dict[str, str] | None = None,
        body: Object | None = None,
    ) -> Object:
        """Does not use the client's methods for each resource: loading them takes seconds, and
        converting a thousand pods to objects takes longer than everything else."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            self._give_up("it took too long")
        kind = _MERGE if method == "PATCH" else "application/json"
        try:
            # It reads the token again when that is old, as those of service accounts get.
            request = self._client.param_serialize(
                method,
                _path(self.namespace, resource, name),
                query_params=list((query or {}).items()),
                header_params={"Accept": "application/json", "Content-Type": kind},
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = self._client.call_api(
                *request, _request_timeout=(min(_CONNECT_SECONDS, left), left)
            )
            content = answer.read()
        except self._failures as error:
            self._give_up(_brief(error))
        if 200 <= answer.status < 300:
            found: Object = json.loads(content)
            return found
        verb = "list" if method == "GET" and not name else _VERBS[method]
        what = f"{verb} {resource} in namespace {self.namespace}"
        message = _read_message(content) or str(answer.reason)
        raise ApiError(answer.status, _explain(answer.status, what, name, message), message)

    def connect(self) -> None:
        """Connect with the configuration of the pod, otherwise with that of kubectl. `begin` also
        does this."""
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
                f"There is no configuration for reaching Kubernetes ({_brief(error)}): run the "
                "autoscaler in a "
                "pod with a service account, or set KUBECONFIG."
            ) from None
        configuration.retries = 0  # the loop's next pass is the retry, and one call has its time
        self.namespace = self.namespace or read_namespace() or context
        if not self.namespace:
            raise FleetError(
                "The namespace of the workers is unknown: set AUTO_SCALING_KUBERNETES_NAMESPACE."
            )
        self._client = client.ApiClient(configuration)
        self._failures = (client.ApiException, config.ConfigException, HTTPError, OSError)

    def _give_up(self, why: str) -> NoReturn:
        host = self._client.configuration.host
        raise FleetError(
            f"The API server of Kubernetes at {host} does not answer ({why}): check that it runs "
            "and can be reached from here, and that KUBECONFIG names it."
        ) from None


def read_namespace(account: Path = _ACCOUNT) -> str:
    """The namespace of the pod in which this runs; empty outside a pod."""
    try:
        return (account / "namespace").read_text().strip()
    except OSError:
        return ""


def _path(namespace: str, resource: str, name: str) -> str:
    group = "api/v1"
    if resource == "horizontalpodautoscalers":
        group = "apis/autoscaling/v1"
    elif resource != "pods":
        group = "apis/apps/v1"
    plural, _, part = resource.partition("/")
    path = f"/{group}/namespaces/{quote(namespace, safe='')}/{plural}"
    if name:
        path += f"/{quote(name, safe='')}"
    return f"{path}/{part}" if part else path


def _explain(status: int, what: str, name: str, message: str) -> str:
    if status == 401:
        return (
            "The API server of Kubernetes does not know the autoscaler: give its pod a service "
            f"account as {_RBAC} does, or renew the credentials in KUBECONFIG."
        )
    if status == 403:
        return f"The autoscaler may not {what}: apply {_RBAC}, which allows it."
    if status == 404 and " deployments" in what:
        return (
            f"There is no deployment {name} ({what}): set AUTO_SCALING_KUBERNETES_DEPLOYMENT and "
            "AUTO_SCALING_KUBERNETES_NAMESPACE."
        )
    return (
        f"The API server of Kubernetes answered {status} to {what} ({_brief(message)}): check its "
        "state if this continues; the next pass tries again."
    )


def _read_message(content: bytes) -> str:
    """The message of the object Status that comes with a refusal; a proxy may send anything."""
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return ""


def _brief(error: Exception | str) -> str:
    """In one line, without a full stop."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:150].rstrip(" .:")
