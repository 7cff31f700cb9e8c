"""A real cluster as its owner sees it, in JSON, and the state of its pods."""

import json
import os
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from kubernetes import client, config
from kubernetes.stream import stream
from urllib3.exceptions import HTTPError

from tests.fleets.kubernetes_cluster import Object

REAL_CONFIG = os.environ.get("TEST_KUBECONFIG", "")
GRACE_SECONDS = 90


class RefusedError(Exception):
    """The API server answered with this status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Admin:
    """The cluster as its owner sees it, in JSON."""

    def __init__(self) -> None:
        self.client = config.new_client_from_config(REAL_CONFIG)

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Object:
        """Raises RefusedError."""
        found: Object = json.loads(self.read(method, path, body, **query))
        return found

    def read(self, method: str, path: str, body: Any = None, **query: str) -> str:
        """As text. Raises RefusedError."""
        answer = self.send(method, path, body, query)
        content = str(answer.read().decode())
        if answer.status >= 300:
            raise RefusedError(answer.status, content[:500])
        return content

    def send(self, method: str, path: str, body: Any, query: dict[str, str]) -> Any:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = self.client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json", "Content-Type": kind},
            body=body,
            auth_settings=["BearerToken"],
        )
        return self.client.call_api(*request, _request_timeout=60)


def execute(namespace: str, pod: str, command: str) -> None:
    """In its container, by `sh`. With a client of its own: `stream` changes the one it has."""
    core = client.CoreV1Api(config.new_client_from_config(REAL_CONFIG))
    stream(
        core.connect_get_namespaced_pod_exec,
        pod,
        namespace,
        command=["sh", "-c", command],
        stderr=True,
        stdin=False,
        stdout=True,
        tty=False,
        _request_timeout=60,
    )


class History:
    """How pods go can only be seen while they do.

    asked: by uid, the grace that it was given first, in seconds, and when that is over.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.asked: dict[str, tuple[int, datetime]] = {}
        self._last: dict[str, Object] = {}
        self._gone: dict[str, datetime] = {}
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="pods", daemon=True).start()

    def was_killed(self, uid: str) -> bool:
        """It was given less than its grace, needed more, or ended with the status of a KILL."""
        if uid not in self.asked:
            return False
        grace, due = self.asked[uid]
        ended = map(_ended, self._last[uid]["status"].get("containerStatuses") or [])
        is_late = self._gone.get(uid, datetime.now(UTC)) >= due
        return grace < GRACE_SECONDS or is_late or 137 in ended

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        admin = Admin()
        version = ""
        while not self._closed.is_set():
            try:
                version = self._follow(admin, version)
            except (HTTPError, OSError):
                version = ""

    def _follow(self, admin: Admin, version: str) -> str:
        """Until the server ends it; the version from which it goes on, empty for the start."""
        if not version:
            listed = admin.call("GET", self.path)
            version = listed["metadata"]["resourceVersion"]
            for item in listed["items"]:
                self._note("ADDED", item)
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "20"}
        answer = admin.send("GET", self.path, None, query)
        buffer = b""
        for part in answer.response.stream(65536):
            *lines, buffer = (buffer + part).split(b"\n")
            for line in filter(None, lines):
                event = json.loads(line)
                if event["type"] == "ERROR":  # its version is too old
                    return ""
                self._note(event["type"], event["object"])
                version = event["object"]["metadata"]["resourceVersion"]
        return version

    def _note(self, kind: str, item: Object) -> None:
        metadata = item["metadata"]
        uid = metadata["uid"]
        self._last[uid] = item
        if "deletionTimestamp" in metadata and uid not in self.asked:
            due = datetime.fromisoformat(metadata["deletionTimestamp"])
            self.asked[uid] = (metadata["deletionGracePeriodSeconds"], due)
        if kind == "DELETED":
            self._gone[uid] = datetime.now(UTC) - timedelta(seconds=1)  # stamps have no fractions


def owner_of(item: Object) -> str:
    owners = item["metadata"].get("ownerReferences") or []
    return next((str(o["uid"]) for o in owners if o.get("controller")), "")


def is_running(pod: Object) -> bool:
    containers = pod["status"].get("containerStatuses") or []
    return bool(containers) and all("running" in c["state"] for c in containers)


def _ended(container: Object) -> int | None:
    """The status with which it ended."""
    ended = container["state"].get("terminated")
    return ended["exitCode"] if ended else None
