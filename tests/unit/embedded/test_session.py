"""What a session reports of its components."""

from pathlib import Path
from typing import Any

import pytest

from controlplane.embedded.components import Component
from controlplane.embedded.session import Session
from controlplane.embedded.supervise import Status


class Failed:
    """A supervisor whose components have all failed."""

    def __init__(self, components: list[Component], folder: Path) -> None:
        self._components, self._folder = components, folder
        self.started: list[str] = []

    def statuses(self) -> list[Status]:
        return [Status(each.name, "FATAL", 0, "it ended") for each in self._components]

    def log(self, name: str) -> Path:
        return self._folder / name

    def start_component(self, name: str) -> None:
        self.started.append(name)


def make_component(name: str, inside: str = "") -> Component:
    return Component(name, ["true"], stop_seconds=1, note="", is_ready=lambda: True, inside=inside)


@pytest.mark.parametrize("rounds", [1, 2])
def test_what_is_inside_a_failed_component_is_not_reported_too(tmp_path: Path, rounds: int) -> None:
    printed: list[tuple[str, str]] = []
    session = Session(
        tmp_path,
        say=lambda name, state, _: printed.append((name, state)),
        with_postgres=False,
        with_valkey=False,
    )
    components = [make_component("worker"), make_component("dispatcher", inside="worker")]
    supervisor: Any = Failed(components, tmp_path)
    session._components, session._supervisor = components, supervisor
    session._pids = {"worker": 7, "dispatcher": 7}
    for _ in range(rounds):
        session._report_changes()
    assert [name for name, state in printed if state] == ["worker"]
    assert supervisor.started == ["worker"]
    assert session._pids == {}
