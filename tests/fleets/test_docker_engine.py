"""How the docker back-end finds its engine, its project and its settings."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scaling.fleet import FleetError, docker_kinds, make_fleet
from scaling.fleet.docker import DockerFleet
from scaling.fleet.docker_engine import Engine
from tests.engine import wait_until
from tests.fleets.docker_world import SERVICE, LocalWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LocalWorld]:
    world = LocalWorld(tmp_path)
    yield world
    world.close()


def test_the_project_is_that_of_its_own_container(
    world: LocalWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = world.add()
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 2 8:1 /docker/containers/{template}/hosts /etc/hosts rw - ext4 x rw\n")
    fleet = DockerFleet(Engine(world.address))
    monkeypatch.setattr(docker_kinds, "_MOUNTS", tmp_path / "none")
    monkeypatch.setattr(socket, "gethostname", lambda: "somewhere")
    with pytest.raises(FleetError, match="AUTO_SCALING_DOCKER_PROJECT"):
        fleet.list_members()
    monkeypatch.setattr(docker_kinds, "_MOUNTS", mounts)
    (key,) = fleet.start(1)
    made = world.inspect(key)
    assert made is not None
    assert made["Name"] == f"/{world.project}-{SERVICE}-2"
    monkeypatch.setattr(docker_kinds, "_MOUNTS", tmp_path / "none")
    monkeypatch.setattr(socket, "gethostname", lambda: key[:12])
    assert [m.key for m in DockerFleet(Engine(world.address)).list_members()] == [key]


def test_an_engine_that_started_again_is_spoken_with_again(world: LocalWorld) -> None:
    world.add()
    fleet = world.make_fleet()
    (key,) = fleet.start(1)
    world.api.break_connections()
    wait_until(lambda: not world.api.connections, "the connections to end")
    assert [member.key for member in fleet.list_members()] == [key]


def test_a_socket_that_may_not_be_used(world: LocalWorld, tmp_path: Path) -> None:
    world.api.path.chmod(0o600)
    was = os.geteuid()
    if was == 0:  # whom no permission keeps out
        os.seteuid(65534)
    else:
        world.api.path.chmod(0)
    try:
        with pytest.raises(FleetError, match="group of the socket"):
            world.make_fleet().list_members()
    finally:
        os.seteuid(was)


def test_the_sdk_is_wanted_only_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker.errors", None)
    with pytest.raises(FleetError, match=r"pip install -r requirements/docker\.txt"):
        make_fleet("docker")


def test_it_is_made_as_the_settings_say(world: LocalWorld, settings: Any) -> None:
    settings.TASKPLANE_SCALING = {
        **settings.TASKPLANE_SCALING,
        "DOCKER_PROJECT": world.project,
        "DOCKER_SERVICE": "other",
    }
    fleet = make_fleet("docker")
    assert isinstance(fleet, DockerFleet)
    assert (fleet.project, fleet.service, fleet.template) == (world.project, "other", "")
    fleet.close()
