"""Containers as Docker's engine keeps them, without processes: what they would do is ordered.

The rules are those of the Engine API's reference (docs.docker.com/reference/api/engine, version
1.45), and of the page "Start containers automatically" on restart policies; each is named where it
is kept. What a real engine 26.1 did otherwise has been taken from it.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

NOWHEN = "0001-01-01T00:00:00Z"
SHORT = 12
FIRST_BACKOFF, LAST_BACKOFF, STEADY = 0.1, 60.0, 10.0
KILLED = 137


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass
class Container:
    """One container, and what the engine remembers of it."""

    id: str
    name: str
    config: dict[str, Any]
    host: dict[str, Any]
    networks: dict[str, dict[str, Any]]
    image_id: str
    created_at: str
    status: str = "created"
    exit_code: int = 0
    oom_killed: bool = False
    restart_count: int = 0
    started_at: str = NOWHEN
    signals: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)
    # Stopped by a signal: no restart policy applies from then on.
    is_let_go: bool = False
    # Any signal does that; only `unless-stopped` looks at it.
    was_signalled: bool = False
    error: str = ""
    backoff: float = 0.0
    began: float = 0.0
    timer: threading.Timer | None = None

    @property
    def runs(self) -> bool:
        return self.status in ("running", "paused")


class Machine:
    """All containers of one engine."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.containers: dict[str, Container] = {}
        self.images: dict[str, str] = {}
        self.networks: set[str] = {"bridge"}
        self.holds_endings = False
        # Called with each container whose process begins.
        self.on_start: Callable[[Container], None] = lambda container: None

    def find(self, text: str) -> Container:
        """ContainerInspect: "ID or name of the container"; also the beginning of an id."""
        for each in self.containers.values():
            if text in (each.id, each.name, "/" + each.name):
                return each
        found = [each for each in self.containers.values() if each.id.startswith(text)]
        if len(found) == 1:
            return found[0]
        raise RefusedError(404, f"No such container: {text}")

    def create(self, name: str, body: dict[str, Any]) -> Container:
        """ContainerCreate: 404 "No such image", 409 for a name that is taken."""
        config = {key: value for key, value in body.items() if key not in _NOT_CONFIG}
        image = str(config["Image"])
        if image not in self.images and image not in self.images.values():
            raise RefusedError(404, f"No such image: {image}")
        self._require_free(name)
        made = secrets.token_hex(32)
        config["Hostname"] = config.get("Hostname") or made[:SHORT]
        # ContainerConfig: booleans and labels are always present.
        config = {"Tty": False, "OpenStdin": False, "User": "", "Labels": {}, **config}
        host = dict(body.get("HostConfig") or {})
        host["RestartPolicy"] = _read_policy(host.get("RestartPolicy") or {})
        endpoints = (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
        # HostConfig.NetworkMode names the network where no endpoint does.
        networks = {each: dict(end or {}) for each, end in endpoints.items()} or {
            str(host.get("NetworkMode") or "bridge").replace("default", "bridge"): {}
        }
        container = Container(
            id=made,
            name=name,
            config=config,
            host=host,
            networks=networks,
            image_id=self.images.get(image, image),
            created_at=_now(),
        )
        self.containers[made] = container
        return container

    def start(self, container: Container) -> bool:
        """ContainerStart: 304 "container already started"; the restart policy counts from 0."""
        if container.runs:
            return False
        for network in container.networks:
            if network not in self.networks:
                container.error, container.exit_code = f"network {network} not found", 128
                raise RefusedError(404, container.error)
        self._cancel(container)
        container.is_let_go, container.was_signalled, container.error = False, False, ""
        container.restart_count, container.backoff = 0, 0.0
        self._begin(container)
        return True

    def kill(self, container: Container, signal: str) -> None:
        """ContainerKill: 409 "container is not running". The signal with which the container is
        stopped, and SIGKILL, end its restarts; one that waits to be started again stays ended."""
        if not container.runs and container.status != "restarting":
            raise RefusedError(
                409, f"cannot kill container: {container.id}: container is not running"
            )
        own = container.config.get("StopSignal") or signal
        ends = signal in (own, "SIGKILL")
        container.was_signalled = True
        container.is_let_go = container.is_let_go or ends
        if container.status == "restarting":
            if ends:
                self._cancel(container)
                container.status = "exited"
            return
        container.signals.append(signal)
        if signal == "SIGKILL":
            self.end(container, KILLED)
        elif ends and not self.holds_endings:
            self.end(container, 0)

    def release_endings(self) -> None:
        """Containers that have got their stop signal end."""
        self.holds_endings = False
        for each in list(self.containers.values()):
            if each.runs and (each.config.get("StopSignal") or "SIGTERM") in each.signals:
                self.end(each, 0)

    def update(self, container: Container, body: dict[str, Any]) -> None:
        """ContainerUpdate: also of one that does not run."""
        if "RestartPolicy" not in body:
            return
        policy = _read_policy(body["RestartPolicy"])
        if container.host.get("AutoRemove") and policy["Name"] != "no":
            raise RefusedError(
                409,
                f"Cannot update container {container.id}: Restart policy cannot be updated because "
                "AutoRemove is enabled for the container",
            )
        container.host["RestartPolicy"] = policy

    def rename(self, container: Container, name: str) -> None:
        """ContainerRename: 409 "name already in use"."""
        if name == container.name:
            raise RefusedError(400, "Renaming a container with the same name as its current name")
        self._require_free(name)
        container.name = name

    def remove(self, container: Container, *, force: bool) -> None:
        """ContainerDelete: 409 for one that runs, unless it is forced."""
        if (container.runs or container.status == "restarting") and not force:
            doing = "running" if container.runs else container.status
            raise RefusedError(
                409,
                f'cannot remove container "/{container.name}": container is {doing}: stop the '
                "container before removing or force remove",
            )
        self._cancel(container)
        container.status = "removing"
        del self.containers[container.id]

    def end(self, container: Container, code: int, *, oom: bool = False) -> None:
        """Its process ends. "Start containers automatically": by its policy, and unless it was
        stopped, it is started again, at intervals that double from a tenth of a second to a minute
        until it has lasted for ten seconds."""
        container.exit_code, container.oom_killed = code, oom
        policy = container.host["RestartPolicy"]
        count = policy["MaximumRetryCount"]
        again = {
            "always": True,
            "unless-stopped": not container.was_signalled,
            "on-failure": code != 0 and (not count or container.restart_count < count),
        }.get(policy["Name"], False)
        if container.is_let_go or not again:
            container.status = "exited"
            return
        lasted = time.monotonic() - container.began
        doubled = 0.0 if lasted >= STEADY else container.backoff * 2
        container.backoff = min(doubled or FIRST_BACKOFF, LAST_BACKOFF)
        container.restart_count += 1
        container.status = "restarting"
        container.timer = threading.Timer(container.backoff, self._begin_again, [container])
        container.timer.daemon = True
        container.timer.start()

    def close(self) -> None:
        """Nothing starts again."""
        with self.lock:
            for each in self.containers.values():
                self._cancel(each)

    def _begin_again(self, container: Container) -> None:
        with self.lock:
            if container.status == "restarting":
                self._begin(container)

    def _begin(self, container: Container) -> None:
        container.status, container.exit_code = "running", 0
        container.began, container.started_at = time.monotonic(), _now()
        self.on_start(container)

    def _require_free(self, name: str) -> None:
        for each in self.containers.values():
            if each.name == name:
                raise RefusedError(
                    409,
                    f'Conflict. The container name "/{name}" is already in use by container '
                    f'"{each.id}". You have to remove (or rename) that container to be able to '
                    "reuse that name.",
                )

    def _cancel(self, container: Container) -> None:
        if container.timer is not None:
            container.timer.cancel()
            container.timer = None


_NOT_CONFIG = ("HostConfig", "NetworkingConfig")


def _read_policy(given: dict[str, Any]) -> dict[str, Any]:
    """Schema RestartPolicy: MaximumRetryCount only with on-failure."""
    name, count = given.get("Name") or "no", given.get("MaximumRetryCount") or 0
    if name not in ("no", "always", "unless-stopped", "on-failure"):
        raise RefusedError(400, f"invalid restart policy: unknown policy '{name}'")
    if count and name != "on-failure":
        raise RefusedError(
            400,
            "invalid restart policy: maximum retry count can only be used with 'on-failure'",
        )
    return {"Name": name, "MaximumRetryCount": count}


def _now() -> str:
    """Nanoseconds, as the engine writes them."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"
