"""The API server of a small cluster, over HTTP: the paths that the back-end uses, and the answers
to what may go wrong. Names of pages are those of the documentation of Kubernetes."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fleets.kubernetes_cluster import NAMESPACE, Cluster, Object

TOKEN = "token-of-the-autoscaler"
_GROUPS = {"apps": "deployments", "autoscaling": "horizontalpodautoscalers", "": "pods"}
_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_MERGES = ("application/merge-patch+json", "application/strategic-merge-patch+json")
_PAGE = 500


class StatusError(Exception):
    """An answer with an object Status: page "Kubernetes API Concepts"."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        }


class ApiServer:
    """Serves one cluster on a port that stays the same.

    denied: verb and resource pairs that the caller may not; "*" for any. requests: what was asked.
    """

    def __init__(self, cluster: Cluster, tls: ssl.SSLContext | None = None) -> None:
        self.cluster = cluster
        self._tls = tls
        self.denied: set[tuple[str, str]] = set()
        self.requests: list[tuple[str, str]] = []
        self.token = TOKEN
        self.broken = ""  # the message of a 500
        self.hangs_seconds = 0.0
        self.page = _PAGE
        self.before: Callable[[str, str], None] = lambda verb, resource: None  # called under lock
        self.is_down = False
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.open()

    @property
    def port(self) -> int:
        return self._port

    def open(self) -> None:
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._port = self._server.server_address[1]
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.is_down = False
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.is_down = True  # for connections that are open
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def write_kubeconfig(self, path: Path, namespace: str | None = NAMESPACE) -> Path:
        """As kubectl reads it too (JSON is YAML): page "Organizing Cluster Access Using kubeconfig
        Files"."""
        context = {"cluster": "c", "user": "u"} | ({"namespace": namespace} if namespace else {})
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self._port}"}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
            "contexts": [{"name": "x", "context": context}],
        }
        path.write_text(json.dumps(content))
        return path

    def answer(self, method: str, url: str, body: Any, headers: Any) -> Object:
        """The object that is asked for. Raises StatusError."""
        parts = urlsplit(url)
        path = [unquote(part) for part in parts.path.strip("/").split("/")]
        group, rest = ("", path[2:]) if path[0] == "api" else (path[1], path[3:])
        if rest[:1] != ["namespaces"] or len(rest) not in (3, 4, 5) or group not in _GROUPS:
            raise StatusError(404, "NotFound", "the server could not find the requested resource")
        namespace, *names = rest[1:]
        resource = "/".join([names[0], *names[2:]])
        verb = "list" if method == "GET" and len(names) == 1 else _VERBS[method]
        name = names[1] if len(names) > 1 else ""
        self.requests.append((verb, resource))
        self._authorise(verb, resource, group, name, namespace, headers)
        self.before(verb, resource)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if namespace != NAMESPACE and verb != "list":
            raise _not_found(resource, group, name)
        if verb == "list":
            return self._list(resource, query if namespace == NAMESPACE else {"none": ""})
        if resource == "deployments/scale":
            return self._scale(method, name, body, headers)
        if resource == "pods" and method == "PATCH":
            return self._patch(name, body, headers)
        if resource == "pods" and method == "DELETE":
            return self._delete(name, body)
        return self._get(resource, group, name)

    def _authorise(
        self, verb: str, resource: str, group: str, name: str, namespace: str, headers: Any
    ) -> None:
        """Page "Using RBAC Authorization"."""
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if (scheme.lower(), token) != ("bearer", self.token):
            raise StatusError(401, "Unauthorized", "Unauthorized")
        if {(verb, resource), ("*", "*"), ("*", resource)} & self.denied:
            kind = f"{resource}.{group}" if group else resource
            what = f'{kind} "{name}" is' if name else f"{kind} is"
            raise StatusError(
                403,
                "Forbidden",
                f'{what} forbidden: User "system:serviceaccount:{namespace}:autoscaler" cannot '
                f'{verb} resource "{resource}" in API group "{group}" in the namespace '
                f'"{namespace}"',
            )
        if self.broken:
            raise StatusError(500, "InternalError", self.broken)

    def _items(self, resource: str) -> dict[str, Object]:
        return {
            "deployments": self.cluster.deployments,
            "replicasets": self.cluster.replicasets,
            "pods": self.cluster.pods,
            "horizontalpodautoscalers": self.cluster.autoscalers,
        }[resource]

    def _get(self, resource: str, group: str, name: str) -> Object:
        found = self._items(resource).get(name)
        if found is None:
            raise _not_found(resource, group, name)
        return found

    def _list(self, resource: str, query: dict[str, str]) -> Object:
        """In pages: page "Kubernetes API Concepts" (limit and continue)."""
        wanted = [each.split("=") for each in query.get("labelSelector", "").split(",") if each]
        found = sorted(
            (
                item
                for item in self._items(resource).values()
                if all(item["metadata"]["labels"].get(key) == value for key, value in wanted)
            ),
            key=lambda item: item["metadata"]["name"],
        )
        if "none" in query:
            found = []
        start = int(query.get("continue", "0"))
        size = min(int(query.get("limit", str(_PAGE))), self.page)
        metadata = {"resourceVersion": "1"}
        if start + size < len(found):
            metadata["continue"] = str(start + size)
        return {"kind": "List", "metadata": metadata, "items": found[start : start + size]}

    def _scale(self, method: str, name: str, body: Any, headers: Any) -> Object:
        """Its version is that of the deployment, and a write that names an older one is refused:
        page "Kubernetes API Concepts" (resource versions, updates)."""
        deployment = self._get("deployments", "apps", name)
        if method != "GET":
            _check_type(method, headers)
            version = (body.get("metadata") or {}).get("resourceVersion")
            if version not in (None, deployment["metadata"]["resourceVersion"]):
                raise StatusError(
                    409,
                    "Conflict",
                    f'Operation cannot be fulfilled on deployments.apps "{name}": the object has '
                    "been modified; please apply your changes to the latest version and try again",
                )
            replicas = (body.get("spec") or {}).get("replicas", 0)
            if replicas < 0:
                raise StatusError(
                    422,
                    "Invalid",
                    f'Scale.autoscaling "{name}" is invalid: spec.replicas: Invalid value: '
                    f"{replicas}: must be greater than or equal to 0",
                )
            if deployment["spec"]["replicas"] != replicas:
                deployment["spec"]["replicas"] = replicas
                self.cluster.touch(deployment)
        meta = deployment["metadata"]
        kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {key: meta[key] for key in kept},
            "spec": {"replicas": deployment["spec"]["replicas"]},
            "status": {"replicas": deployment["status"].get("replicas", 0), "selector": ""},
        }

    def _patch(self, name: str, body: Any, headers: Any) -> Object:
        """Merged; a uid that is not the object's would be a change of it."""
        pod = self._get("pods", "", name)
        _check_type("PATCH", headers)
        given = body["metadata"]
        if given.get("uid", pod["metadata"]["uid"]) != pod["metadata"]["uid"]:
            raise StatusError(
                422,
                "Invalid",
                f'Pod "{name}" is invalid: metadata.uid: Invalid value: "{given["uid"]}": '
                "field is immutable",
            )
        for key, value in given["annotations"].items():
            if not isinstance(value, str):
                raise StatusError(400, "BadRequest", "json: cannot unmarshal into annotations")
            pod["metadata"]["annotations"][key] = value
        self.cluster.touch(pod)
        return pod

    def _delete(self, name: str, body: Any) -> Object:
        """With preconditions of the body: page "DeleteOptions"."""
        pod = self._get("pods", "", name)
        wanted = ((body or {}).get("preconditions") or {}).get("uid")
        if wanted not in (None, pod["metadata"]["uid"]):
            raise StatusError(409, "Conflict", f"Precondition failed: UID of pods {name!r}")
        self.cluster.delete_pod(name)
        return pod


def _check_type(method: str, headers: Any) -> None:
    if method == "PATCH" and headers.get("Content-Type") not in _MERGES:
        raise StatusError(415, "UnsupportedMediaType", "the body of the request was unknown")


def _not_found(resource: str, group: str, name: str) -> StatusError:
    kind = resource.split("/")[0] + (f".{group}" if group else "")
    return StatusError(404, "NotFound", f'{kind} "{name}" not found')


class _Handler(BaseHTTPRequestHandler):
    api: ApiServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # the answer in one piece, or the other side waits 40 ms for the second

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if self.api.is_down:
            self.close_connection = True
            return
        if self.api.hangs_seconds:
            time.sleep(self.api.hangs_seconds)
        with self.api.cluster.lock:
            try:
                body = json.loads(raw) if raw else None
                status, found = 200, self.api.answer(self.command, self.path, body, self.headers)
            except StatusError as refused:
                status, found = refused.code, refused.body
            content = json.dumps(found).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()
        except OSError:
            self.close_connection = True  # the caller waited no longer

    do_GET = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names of the base class

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Quiet."""
