"""Workers as containers of a Docker engine.

A new worker is a copy of an existing container, with compose's own labels and name, so that compose
treats it as its own. A worker is terminated by its id: its restart policy is removed (the fence),
it gets its stop signal, and it is removed when it has ended.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from django.conf import settings

from scaling.fleet.base import FleetError, Member, Phase
from scaling.fleet.docker_copying import (
    find_first_network,
    find_restart,
    make_config,
    make_endpoints,
)
from scaling.fleet.docker_engine import Engine, NameTakenError, Record
from scaling.fleet.docker_kinds import (
    ComposeService,
    Copies,
    Kind,
    find_next_number,
    find_own_project,
)
from scaling.fleet.docker_members import (
    NEVER,
    find_phase,
    get_name,
    get_restart,
    is_fenced,
    is_stopping,
    make_stopping_name,
    to_member,
)

USUAL_STARTUP = 15.0
_NAMES_TRIED = 20
_DEFAULT_SIGNAL = "SIGTERM"
_RUNNING = ("running", "paused", "restarting")


@dataclass
class DockerFleet:
    """The workers of one engine.

    project, service: of compose; the default project is that of the autoscaler's own container.
    template: without compose, the container to copy.
    """

    engine: Engine
    service: str = "worker"
    project: str = ""
    template: str = ""
    name: str = "docker"
    moves: bool = True
    usual_startup: float = USUAL_STARTUP
    _kind: Kind | None = field(default=None, init=False)
    # What containers that this loop has fenced would else do when they end.
    _restarts: dict[str, dict[str, Any]] = field(default_factory=dict, init=False)

    @classmethod
    def from_settings(cls) -> Self:
        """Workers of this installation. Raises FleetError: the SDK is not installed."""
        given = settings.TASKPLANE_SCALING
        return cls(
            engine=Engine(),
            service=given["DOCKER_SERVICE"],
            project=given["DOCKER_PROJECT"],
            template=given["DOCKER_TEMPLATE"],
        )

    def list_members(self) -> list[Member]:
        """Includes those that compose started, but not those that a person stopped."""
        at = datetime.now(UTC)
        found = (to_member(record, at, self.engine.read_last_lines) for record in self._list_all())
        return [member for member in found if member is not None]

    def start(self, count: int) -> list[str]:
        """Start copies; each runs when this returns. A copy usually takes half a second."""
        if count <= 0:
            return []
        records = self._list_all()
        kind = self._get_kind()
        template = kind.find_template(self.engine, records)
        image = self._find_image(template)
        restart = self._restarts.get(template["Id"]) or find_restart(template, records)
        numbers = iter(range(find_next_number(kind, records), 10**9))
        return [self._start_one(template, image, restart, numbers) for _ in range(count)]

    def fence(self, keys: Sequence[str]) -> None:
        """Sets the restart policy `no`."""
        for record in self._find(keys):
            self._fence(record)

    def stop(self, keys: Sequence[str]) -> None:
        """Sends each its stop signal without a deadline, so that it can finish its tasks."""
        for record in self._find(keys):
            if record["State"]["Status"] not in _RUNNING or is_stopping(record):
                continue
            self._fence(record)
            # To one that waits to be started again: it stays ended.
            self.engine.signal(record["Id"], record["Config"].get("StopSignal") or _DEFAULT_SIGNAL)
            # Only afterwards: if the loop is killed in between, the next one signals it again.
            self.engine.rename(record["Id"], make_stopping_name(record))

    def clear(self, keys: Sequence[str]) -> None:
        """Removes them with their anonymous volumes. The last container of a compose service is
        kept, with its restart policy from before the fence: otherwise there would be none to
        copy."""
        records = self._find(keys)
        at = datetime.now(UTC)
        gone = [record for record in records if find_phase(record, at) is Phase.ENDED]
        if not gone:
            return
        kept = self._find_kept(gone) if self._get_kind().keeps_the_last else None
        for record in gone:
            if kept is not None and record["Id"] == kept["Id"]:
                self._put_aside(record)
            else:
                self.engine.remove(record["Id"])
            self._restarts.pop(record["Id"], None)

    def close(self) -> None:
        """Workers stay, since compose or the next loop can stop them."""
        self.engine.close()

    def _get_kind(self) -> Kind:
        if self._kind is None:
            if self.template:
                self._kind = Copies(self.template)
            else:
                project = self.project or find_own_project(self.engine)
                self._kind = ComposeService(project, self.service)
        return self._kind

    def _list_all(self) -> list[Record]:
        return self.engine.find(self._get_kind().list_labels())

    def _find(self, keys: Sequence[str]) -> list[Record]:
        """Only the fleet's own containers: a key never refers to another container."""
        wanted = set(keys)
        return [record for record in self._list_all() if record["Id"] in wanted]

    def _find_image(self, template: Record) -> str:
        """Its name, which is readable, or its id if the name now refers to a newer image."""
        name, own = str(template["Config"]["Image"]), str(template["Image"])
        return name if self.engine.find_image_id(name) == own else own

    def _start_one(
        self, template: Record, image: str, restart: dict[str, Any], numbers: Iterator[int]
    ) -> str:
        key, name = self._create(template, image, restart, numbers)
        try:
            first = find_first_network(template)
            for network, endpoint in make_endpoints(template, name).items():
                if network != first:
                    self.engine.connect(key, network, endpoint)
            self.engine.start(key)
        except FleetError:
            # It would never be a worker. Where the engine is away it stays, and is cleared later.
            with suppress(FleetError):
                self.engine.remove(key)
            raise
        return key

    def _create(
        self, template: Record, image: str, restart: dict[str, Any], numbers: Iterator[int]
    ) -> tuple[str, str]:
        """If somebody else takes the name at the same time, the next number is used."""
        kind = self._get_kind()
        name = ""
        for _ in range(_NAMES_TRIED):
            number = next(numbers)
            name = kind.make_name(template, number)
            labels = kind.make_labels(number)
            config = make_config(template, name=name, image=image, labels=labels, restart=restart)
            try:
                return self.engine.create(name, config), name
            except NameTakenError:
                continue
        raise FleetError(
            f"{_NAMES_TRIED} names up to {name} are taken by other containers: remove those."
        )

    def _fence(self, record: Record) -> None:
        if not is_fenced(record):
            self._restarts[record["Id"]] = get_restart(record)
            self.engine.set_restart(record["Id"], NEVER)

    def _find_kept(self, gone: Sequence[Record]) -> Record | None:
        ids = {record["Id"] for record in gone}
        if any(record["Id"] not in ids for record in self._list_all()):
            return None
        return min(gone, key=self._get_kind().get_number)

    def _put_aside(self, record: Record) -> None:
        """Make it look like a container that a person stopped."""
        restart = self._restarts.get(record["Id"]) or find_restart(record, ())
        if restart["Name"] not in ("always", "unless-stopped"):
            restart = {"Name": "unless-stopped", "MaximumRetryCount": 0}
        self.engine.set_restart(record["Id"], restart)
        if str(record["Name"]).lstrip("/") != get_name(record):
            # The name is for people and for compose's messages: taken, it stays as it is.
            with suppress(NameTakenError):
                self.engine.rename(record["Id"], get_name(record))
