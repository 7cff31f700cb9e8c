"""Places for the docker back-end: the local engine of docker_api, or a real one.

The real one is named by TEST_DOCKER_HOST (as DOCKER_HOST), with an image that has `sh` in
TEST_DOCKER_IMAGE; its containers are removed afterwards.
"""

import copy
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from docker.api.client import APIClient
from docker.errors import APIError, NotFound

from scaling.fleet import Member
from scaling.fleet.docker import DockerFleet
from scaling.fleet.docker_engine import Engine
from tests.engine import wait_until
from tests.fleets.contract import Fault
from tests.fleets.docker_api import DockerApi

REAL_HOST = os.environ.get("TEST_DOCKER_HOST", "")
REAL_IMAGE = os.environ.get("TEST_DOCKER_IMAGE", "")
SERVICE = "worker"
_UNLESS_STOPPED = {"Name": "unless-stopped", "MaximumRetryCount": 0}


class DockerWorld:
    """What both have in common: containers are looked at with the SDK alone."""

    shares_host = False
    faults: Sequence[Fault] = ()
    patience = 20.0
    settle = 0.6

    def __init__(self, address: str, image: str) -> None:
        self.address = address
        self.image = image
        self.project = f"p{uuid4().hex[:8]}"
        self.client = APIClient(base_url=address, version="auto", timeout=30)
        self.command = ["sleep", "inf"]
        self.binds: list[str] = []
        self.network = "bridge"

    def make_fleet(self) -> DockerFleet:
        raise NotImplementedError

    def add(self, number: int = 1, **changes: Any) -> str:
        """A container as compose makes it, not started; its id. Changes: of the configuration."""
        body = {
            "Image": self.image,
            "Cmd": self.command,
            "Env": ["QUEUES=default"],
            "StopSignal": "SIGTERM",
            "Labels": self.labels(number),
            "HostConfig": {
                "RestartPolicy": _UNLESS_STOPPED,
                "NetworkMode": self.network,
                "Binds": self.binds,
                "Memory": 256 * 2**20,
            },
            "NetworkingConfig": {"EndpointsConfig": {self.network: {"Aliases": self.aliases()}}},
        }
        name = changes.pop("name", f"{self.project}-{SERVICE}-{number}")
        merged = _merge(body, changes)
        return str(self.client.create_container_from_config(merged, name)["Id"])

    def labels(self, number: int) -> dict[str, str]:
        return {
            "com.docker.compose.project": self.project,
            "com.docker.compose.service": SERVICE,
            "com.docker.compose.oneoff": "False",
            "com.docker.compose.container-number": str(number),
            "com.docker.compose.config-hash": "0123456789abcdef",
            "com.docker.compose.version": "2.26.1",
        }

    def aliases(self) -> list[str] | None:
        """The standard network of an engine takes none."""
        return None if self.network == "bridge" else [f"{self.project}-{SERVICE}-1", SERVICE]

    def inspect(self, key: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.client.inspect_container(key)
        except NotFound:
            return None
        return found

    def list_ids(self, *labels: str, everything: bool = False) -> list[str]:
        given = labels or (
            f"com.docker.compose.project={self.project}",
            "com.docker.compose.oneoff=False",
        )
        found = self.client.containers(all=everything, filters={"label": list(given)})
        return [each["Id"] for each in found]

    def count(self) -> int:
        return len(self.list_ids())

    def runs(self, member: Member) -> bool:
        found = self.inspect(member.key)
        return found is not None and found["State"]["Status"] == "running"

    def die(self, member: Member) -> None:
        """For good: what only crashes, the engine starts again."""
        self.client.remove_container(member.key, force=True)

    def add_stranger(self) -> None:
        """`docker compose run worker`."""
        labels = {**self.labels(1), "com.docker.compose.oneoff": "True"}
        made = self.add(name=f"{self.project}-run-1", Labels=labels)
        self.client.start(made)

    def count_strangers(self) -> int:
        mine = f"com.docker.compose.project={self.project}"
        return len(self.list_ids(mine, "com.docker.compose.oneoff=True"))


class LocalWorld(DockerWorld):
    """With the local engine: the processes do what is ordered."""

    def __init__(self, folder: Path) -> None:
        self.api = DockerApi(folder / "docker.sock")
        self.api.machine.images["taskplane:latest"] = "sha256:" + "5" * 64
        super().__init__(self.api.address, "taskplane:latest")
        self.network = f"{self.project}_default"
        self.api.machine.networks.add(self.network)
        self.fleets: list[DockerFleet] = []
        self.timeout = 2.0
        self.faults = [
            Fault("gone", "DOCKER_HOST"),
            Fault("forbidden", "socket proxy"),
            Fault("broken", "could not"),
            Fault("hangs", "within 0.2 s"),
        ]

    def make_fleet(self) -> DockerFleet:
        fleet = DockerFleet(Engine(self.address, timeout=self.timeout), project=self.project)
        self.fleets.append(fleet)
        return fleet

    def _set_timeout(self, seconds: float) -> None:
        """Applies to all later calls."""
        self.timeout = seconds
        for fleet in self.fleets:
            fleet.engine._timeout = seconds
            fleet.close()

    def runs(self, member: Member) -> bool:
        """Also while the engine cannot be spoken with."""
        container = self.api.machine.containers.get(member.key)
        return container is not None and container.status == "running"

    def stop_requests(self, member: Member) -> int:
        container = self.api.machine.containers.get(member.key)
        return container.signals.count("SIGTERM") if container is not None else 0

    def was_killed(self, member: Member) -> bool:
        container = self.api.machine.containers.get(member.key)
        return container is not None and "SIGKILL" in container.signals

    def hold_endings(self) -> None:
        self.api.machine.holds_endings = True

    def release_endings(self) -> None:
        with self.api.machine.lock:
            self.api.machine.release_endings()

    def end(self, member: Member, code: int = 0, *, oom: bool = False) -> None:
        machine = self.api.machine
        with machine.lock:
            machine.end(machine.containers[member.key], code, oom=oom)

    def take_away(self, fault: Fault) -> None:
        if fault.name == "gone":
            self.api.hide()
        elif fault.name == "hangs":
            self.api.waits = 2.5
            self._set_timeout(0.2)
        else:
            self.api.refuses = {"forbidden": 403, "broken": 500}[fault.name]

    def give_back(self) -> None:
        if not self.api.path.exists():
            self.api.show()
        self.api.refuses, self.api.waits = None, 0.0
        self._set_timeout(2.0)

    def close(self) -> None:
        self.client.close()
        self.api.close()


# A worker's ways, as far as containers go: it hears its signal, and ends unless it is held.
STAND_IN = """
stopping=
trap 'echo stopping; stopping=1' TERM
while :; do
    if [ "$stopping" ] && [ ! -e /world/hold ]; then exit 0; fi
    if [ -e /world/end-$HOSTNAME ]; then exit "$(cat /world/end-$HOSTNAME)"; fi
    sleep 0.1
done
"""


class RealWorld(DockerWorld):
    """With a real engine, in a network of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(REAL_HOST, REAL_IMAGE)
        self.folder = folder
        folder.chmod(0o755)
        # The engine has others to serve: only the back-end's way to its socket is taken away.
        self.way = folder / "docker.sock"
        self.way.symlink_to(REAL_HOST.removeprefix("unix://"))
        self.patience, self.settle = 90.0, 3.0
        self.command = ["sh", "-c", STAND_IN]
        self.binds = [f"{folder}:/world"]
        self.network = f"{self.project}_default"
        self.client.create_network(self.network)
        self.faults = [Fault("gone", "DOCKER_HOST")]
        self.seen: dict[str, dict[str, Any]] = {}
        self.fleets: list[DockerFleet] = []

    def make_fleet(self) -> DockerFleet:
        fleet = DockerFleet(Engine(f"unix://{self.way}"), project=self.project)
        self.fleets.append(fleet)
        return fleet

    def stop_requests(self, member: Member) -> int:
        try:
            return self.client.logs(member.key).decode().count("stopping")
        except NotFound:
            return 1 if self.was_seen_to_end(member) else 0

    def was_seen_to_end(self, member: Member) -> bool:
        return self.seen.get(member.key, {}).get("ExitCode") == 0

    def runs(self, member: Member) -> bool:
        found = self.inspect(member.key)
        if found is None:
            return False
        self.seen[member.key] = found["State"]
        return bool(found["State"]["Status"] == "running")

    def was_killed(self, member: Member) -> bool:
        found = self.inspect(member.key)
        state = found["State"] if found is not None else self.seen.get(member.key, {})
        return state.get("ExitCode") == 137

    def hold_endings(self) -> None:
        (self.folder / "hold").touch()

    def release_endings(self) -> None:
        (self.folder / "hold").unlink(missing_ok=True)

    def end(self, member: Member, code: int = 0) -> None:
        (self.folder / f"end-{member.host}").write_text(f"{code}\n")

    def take_away(self, fault: Fault) -> None:
        self.way.rename(self.way.with_suffix(".away"))
        for fleet in self.fleets:
            fleet.close()  # a connection that is open needs no socket file

    def give_back(self) -> None:
        self.way.with_suffix(".away").rename(self.way)

    def close(self) -> None:
        for each in self.list_ids(f"com.docker.compose.project={self.project}", everything=True):
            self.client.remove_container(each, force=True, v=True)
        wait_until(self._remove_network, "the network to be free", 20)
        self.client.close()

    def _remove_network(self) -> bool:
        try:
            self.client.remove_network(self.network)
        except APIError:  # while the last container leaves it
            time.sleep(0.5)
            return False
        return True


def _merge(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(body)
    for key, value in changes.items():
        if key == "HostConfig":
            made[key] |= value
        else:
            made[key] = value
    return made
