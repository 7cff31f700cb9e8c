"""Which containers are the workers: those of a compose service, or copies of a named container."""

import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scaling.fleet.base import FleetError
from scaling.fleet.docker_engine import Engine, Record
from scaling.fleet.docker_members import (
    FLEET_LABEL,
    NUMBER_LABEL,
    get_labels,
    get_name,
)

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
COMPOSE_NUMBER_LABEL = "com.docker.compose.container-number"
# Set by `docker compose run`: no worker of the service.
ONE_OFF_LABEL = "com.docker.compose.oneoff"

_MOUNTS = Path("/proc/self/mountinfo")


class Kind(Protocol):
    """Selects the workers, and names new ones."""

    @property
    def keeps_the_last(self) -> bool:
        """Whether the last one must stay, since there would be none to copy."""

    def list_labels(self) -> list[str]:
        """All workers have these, and nothing else has."""

    def find_template(self, engine: Engine, records: Sequence[Record]) -> Record:
        """The container to copy. Raises FleetError: there is none."""

    def get_number(self, record: Record) -> int:
        """The number of a worker; 0 if it has none."""

    def make_name(self, template: Record, number: int) -> str:
        """The name of a new worker."""

    def make_labels(self, number: int) -> dict[str, str]:
        """Labels of a new worker, besides those of the template."""


@dataclass(frozen=True, slots=True)
class ComposeService:
    """The containers of one service, as `docker compose ps` counts them."""

    project: str
    service: str
    keeps_the_last: bool = True

    def list_labels(self) -> list[str]:
        """The same query that compose uses."""
        return [
            f"{PROJECT_LABEL}={self.project}",
            f"{SERVICE_LABEL}={self.service}",
            f"{ONE_OFF_LABEL}=False",
        ]

    def find_template(self, engine: Engine, records: Sequence[Record]) -> Record:
        """The one with the lowest number, running or not."""
        if not records:
            raise FleetError(
                f"The compose project {self.project!r} has no container of the service "
                f"{self.service!r} to copy: run docker compose up -d --scale {self.service}=1 "
                "once; a stopped container is enough."
            )
        return min(records, key=self.get_number)

    def get_number(self, record: Record) -> int:
        """Compose writes it into a label."""
        return _read_number(get_labels(record).get(COMPOSE_NUMBER_LABEL))

    def make_name(self, template: Record, number: int) -> str:
        """Like the template's, which shows how this compose joins the parts."""
        name = get_name(template)
        stem = re.fullmatch(rf"(.*[-_]){self.get_number(template)}", name)
        return f"{stem[1] if stem else f'{self.project}-{self.service}-'}{number}"

    def make_labels(self, number: int) -> dict[str, str]:
        """Compose counts its containers by this number."""
        return {
            COMPOSE_NUMBER_LABEL: str(number),
            FLEET_LABEL: f"{self.project}/{self.service}",
        }


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies of one container, which itself is not a member."""

    template: str
    keeps_the_last: bool = False

    def list_labels(self) -> list[str]:
        """Only copies have it."""
        return [f"{FLEET_LABEL}={self.template}"]

    def find_template(self, engine: Engine, records: Sequence[Record]) -> Record:
        """By its name or id, running or not."""
        found = engine.inspect(self.template)
        if found is None:
            raise FleetError(
                f"There is no container {self.template!r} to copy: create it with docker create, "
                "or name another one in AUTO_SCALING_DOCKER_TEMPLATE."
            )
        return found

    def get_number(self, record: Record) -> int:
        """This back-end writes it into a label."""
        return _read_number(get_labels(record).get(NUMBER_LABEL))

    def make_name(self, template: Record, number: int) -> str:
        """The template's name and the number."""
        return f"{get_name(template)}-{number}"

    def make_labels(self, number: int) -> dict[str, str]:
        """From the setting, so that a new template of that name keeps the old copies."""
        return {NUMBER_LABEL: str(number), FLEET_LABEL: self.template}


def find_next_number(kind: Kind, records: Iterable[Record]) -> int:
    """A number above all existing ones, as compose does: a gap may be a name that is still in
    use."""
    return max((kind.get_number(record) for record in records), default=0) + 1


def find_own_project(engine: Engine) -> str:
    """The compose project of the container in which this process runs.

    Raises FleetError: it runs in none.
    """
    for container in _list_own_names():
        record = engine.inspect(container)
        if record is not None and str(record["Id"]).startswith(container):
            project = get_labels(record).get(PROJECT_LABEL)
            if project:
                return project
    raise FleetError(
        "The autoscaler does not run in a container of a compose project: set "
        "AUTO_SCALING_DOCKER_PROJECT to the project's name (docker compose ls), or "
        "AUTO_SCALING_DOCKER_TEMPLATE to a container to copy."
    )


def _list_own_names() -> list[str]:
    """Ids, whole or shortened, that this container may have."""
    names = []
    if re.fullmatch(r"[0-9a-f]{12}", socket.gethostname()):
        names.append(socket.gethostname())
    # With a host name of its own: files like /etc/hosts are mounted from a folder named by the id.
    if _MOUNTS.exists():
        found = re.search(r"/containers/([0-9a-f]{64})/", _MOUNTS.read_text())
        if found is not None:
            names.append(found[1])
    return names


def _read_number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
