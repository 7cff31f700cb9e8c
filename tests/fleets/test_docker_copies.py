"""What the docker back-end makes of the containers that it finds, and what it leaves alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scaling.fleet import FleetError, Member, Phase
from scaling.fleet.docker import DockerFleet
from scaling.fleet.docker_engine import Engine
from tests.engine import wait_until
from tests.fleets.docker_world import SERVICE, LocalWorld

POLICY = {"Name": "unless-stopped", "MaximumRetryCount": 0}
RICH: dict[str, Any] = {
    "User": "1000:1000",
    "WorkingDir": "/app",
    "Entrypoint": ["tini", "--"],
    "Hostname": "once",
    "MacAddress": "02:42:ac:11:00:02",
    "StopSignal": "SIGTERM",
    "StopTimeout": 15,
    "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5_000_000_000},
    "Volumes": {"/scratch": {}},
}
RICH_HOST: dict[str, Any] = {
    "Binds": ["p_data:/data:rw"],
    "Mounts": [{"Type": "tmpfs", "Target": "/tmp"}],
    "NanoCpus": 500_000_000,
    "PidsLimit": 100,
    "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
    "SecurityOpt": ["no-new-privileges:true"],
    "CapDrop": ["ALL"],
    "Init": True,
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LocalWorld]:
    world = LocalWorld(tmp_path)
    yield world
    world.close()


def look(world: LocalWorld, key: str) -> dict[str, Any]:
    found = world.inspect(key)
    assert found is not None
    return found


def get_member(fleet: DockerFleet, key: str) -> Member:
    return next(member for member in fleet.list_members() if member.key == key)


def test_a_copy_differs_only_in_what_is_its_own(world: LocalWorld) -> None:
    world.api.machine.networks.add("back")
    template = world.add(HostConfig=RICH_HOST, **RICH)
    world.client.connect_container_to_network(
        template, "back", aliases=["workers", f"{world.project}-{SERVICE}-1"]
    )
    (key,) = world.make_fleet().start(1)
    old, new = look(world, template), look(world, key)
    assert new["HostConfig"] == old["HostConfig"]
    own = ("Hostname", "Labels", "MacAddress")
    assert {k: v for k, v in new["Config"].items() if k not in own} == {
        k: v for k, v in old["Config"].items() if k not in own
    }
    assert new["Config"]["Hostname"] == key[:12]
    assert "MacAddress" not in new["Config"]
    assert new["Name"] == f"/{world.project}-{SERVICE}-2"
    assert new["Config"]["Labels"] == {
        **world.labels(2),
        "taskplane.fleet": f"{world.project}/{SERVICE}",
        "taskplane.restart": "unless-stopped",
    }
    name = f"{world.project}-{SERVICE}-2"
    aliases = {n: e["Aliases"] for n, e in new["NetworkSettings"]["Networks"].items()}
    assert aliases == {world.network: [name, SERVICE], "back": ["workers", name]}
    assert get_member(world.make_fleet(), key).host == key[:12]


def test_numbers_go_on_above_the_highest(world: LocalWorld) -> None:
    world.add(1, name=f"{world.project}_{SERVICE}_1")  # as compose 1 joins them
    world.add(4, name=f"{world.project}_{SERVICE}_4")
    keys = world.make_fleet().start(2)
    names = [look(world, key)["Name"] for key in keys]
    assert names == [f"/{world.project}_{SERVICE}_5", f"/{world.project}_{SERVICE}_6"]


def test_a_name_that_is_taken_is_passed_over(world: LocalWorld) -> None:
    world.add()
    world.add(name=f"{world.project}-{SERVICE}-2", Labels={})
    (key,) = world.make_fleet().start(1)
    assert look(world, key)["Name"] == f"/{world.project}-{SERVICE}-3"
    labels = look(world, key)["Config"]["Labels"]
    assert labels["com.docker.compose.container-number"] == "3"


def test_without_a_container_it_says_what_to_do(world: LocalWorld) -> None:
    with pytest.raises(FleetError, match="docker compose up -d --scale worker=1 once"):
        world.make_fleet().start(1)


def test_the_image_is_that_of_the_template(world: LocalWorld) -> None:
    template = world.add()
    was = look(world, template)["Image"]
    world.api.machine.images |= {"taskplane:latest": "sha256:" + "6" * 64, "taskplane:old": was}
    (key,) = world.make_fleet().start(1)
    assert look(world, key)["Config"]["Image"] == was
    assert look(world, key)["Image"] == was


@pytest.mark.parametrize("lacks", ["image", "network"])
def test_a_start_that_is_refused_leaves_nothing(world: LocalWorld, lacks: str) -> None:
    world.add()
    if lacks == "image":
        world.api.machine.images.clear()
    else:
        world.api.machine.networks.clear()
    fleet = world.make_fleet()
    with pytest.raises(FleetError, match=r"No such image|network .* not found"):
        fleet.start(2)
    assert fleet.list_members() == []
    assert len(world.list_ids(everything=True)) == 1


def test_the_network_of_the_host_is_refused(world: LocalWorld) -> None:
    world.add(HostConfig={"NetworkMode": "host"}, NetworkingConfig={})
    with pytest.raises(FleetError, match="cannot be distinguished"):
        world.make_fleet().start(1)
    assert len(world.list_ids(everything=True)) == 1


def test_one_that_crashes_again_and_again_is_starting(world: LocalWorld) -> None:
    world.add()
    fleet = world.make_fleet()
    (key,) = fleet.start(1)
    member = get_member(fleet, key)
    world.api.machine.containers[key].output += ["ValueError: no database", "Good bye."]
    world.end(member, 3)
    wait_until(lambda: world.runs(member), "the engine to start it again")
    member = get_member(fleet, key)
    assert member.phase is Phase.STARTING
    assert "(started again 1 time)" in member.detail
    assert member.detail.endswith("Last error in its log: ValueError: no database")

    world.end(member, 3)
    fleet.stop([key])
    member = get_member(fleet, key)
    assert member.phase is Phase.ENDED
    assert member.detail.startswith("It ended with exit code 3 (started again 2 times)")
    fleet.clear([key])
    assert fleet.list_members() == []


def test_the_end_of_one_is_explained(world: LocalWorld) -> None:
    world.add()
    fleet = world.make_fleet()
    (key,) = fleet.start(1)
    fleet.fence([key])
    world.end(get_member(fleet, key), 137, oom=True)
    member = get_member(fleet, key)
    assert member.phase is Phase.ENDED
    assert member.detail.startswith(
        "It was killed by signal 9 (SIGKILL), exit code 137 (out of memory)"
    )


def test_a_killed_one_is_not_explained_by_an_unrelated_line(world: LocalWorld) -> None:
    world.add()
    fleet = world.make_fleet()
    (key,) = fleet.start(1)
    fleet.fence([key])
    world.api.machine.containers[key].output += ["_warn_or_raise_security_error(egid, euid,"]
    world.end(get_member(fleet, key), 137)
    detail = get_member(fleet, key).detail
    assert detail.startswith("It was killed by signal 9 (SIGKILL), exit code 137")
    assert "security" not in detail


def test_what_a_person_stopped_is_kept(world: LocalWorld) -> None:
    for number in (1, 2):
        world.client.start(world.add(number))
    fleet = world.make_fleet()
    keys = [member.key for member in fleet.list_members()]
    for key in keys:
        world.client.kill(key, "SIGTERM")
    assert fleet.list_members() == []
    fleet.clear(keys)
    assert sorted(world.list_ids(everything=True)) == sorted(keys)
    (new,) = fleet.start(1)
    assert new not in keys
    assert world.count() == 1


def test_the_last_of_a_service_stays_to_be_copied(world: LocalWorld) -> None:
    template = world.add()
    world.client.start(template)
    fleet = world.make_fleet()
    fleet.fence([template])
    fleet.stop([template])
    assert "-stopping-" in look(world, template)["Name"]
    assert get_member(fleet, template).phase is Phase.ENDED

    heir = world.make_fleet()  # it does not know what the restart policy was
    heir.clear([template])
    assert heir.list_members() == []
    kept = look(world, template)
    assert kept["Name"] == f"/{world.project}-{SERVICE}-1"
    assert kept["HostConfig"]["RestartPolicy"] == POLICY
    (key,) = heir.start(1)
    assert look(world, key)["HostConfig"]["RestartPolicy"] == POLICY
    assert [member.key for member in heir.list_members()] == [key]


def test_copies_of_a_fenced_one_are_not_fenced(world: LocalWorld) -> None:
    given = {"Name": "on-failure", "MaximumRetryCount": 3}
    template = world.add(HostConfig={"RestartPolicy": given})
    world.client.start(template)
    fleet = world.make_fleet()
    (first,) = fleet.start(1)
    fleet.fence([template, first])
    for each in (fleet, world.make_fleet()):
        (key,) = each.start(1)
        policy = look(world, key)["HostConfig"]["RestartPolicy"]
        assert policy == given


def test_the_next_loop_knows_a_worker_that_was_signalled(world: LocalWorld) -> None:
    world.add()
    (key,) = world.make_fleet().start(1)
    world.hold_endings()
    world.make_fleet().stop([key])
    heir = world.make_fleet()
    member = get_member(heir, key)
    assert member.phase is Phase.STOPPING
    heir.stop([key])
    assert world.stop_requests(member) == 1
    # `docker compose up` starts again what it takes for one of its own.
    world.release_endings()
    world.client.start(key)
    assert get_member(heir, key).phase is Phase.RUNNING


def test_one_that_was_left_behind_unstarted_is_cleared(world: LocalWorld) -> None:
    template = world.add()
    made = world.add(2, Labels={**world.labels(2), "taskplane.fleet": "x"})
    fleet = world.make_fleet()
    assert get_member(fleet, made).phase is Phase.STARTING
    for each in (template, made):
        world.api.machine.containers[each].created_at = "2026-01-01T00:00:00.000000000Z"
    assert get_member(fleet, made).phase is Phase.ENDED
    fleet.clear([template, made])
    assert world.list_ids(everything=True) == [template]


def test_without_compose_a_named_container_is_copied(world: LocalWorld) -> None:
    fleet = DockerFleet(Engine(world.address), template="taskplane-worker")
    with pytest.raises(FleetError, match="docker create"):
        fleet.start(1)
    template = world.add(name="taskplane-worker", Labels={"mine": "yes"})
    world.client.start(template)
    keys = fleet.start(2)
    assert {member.key for member in fleet.list_members()} == set(keys)
    names = [look(world, key)["Name"] for key in keys]
    assert names == ["/taskplane-worker-1", "/taskplane-worker-2"]
    assert look(world, keys[0])["Config"]["Labels"]["mine"] == "yes"
    fleet.stop([*keys, template])
    fleet.clear([*keys, template])
    assert fleet.list_members() == []
    assert world.list_ids("mine=yes", everything=True) == [template]
    assert look(world, template)["State"]["Status"] == "running"
