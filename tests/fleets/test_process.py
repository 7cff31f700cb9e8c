"""The process back-end, with real processes: a small stand-in for the worker where only its process
matters, the worker itself where it does."""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from controlplane.embedded import home, processes
from scaling.fleet import FleetError, Member, Phase, make_fleet
from scaling.fleet import process as back_end
from scaling.fleet.process import PID_MARK, ProcessFleet
from scaling.fleet.process_host import KEPT, LIMIT_BYTES, free_bytes
from tests.engine import Engine, wait_until
from tests.fleets.contract import FleetContract, list_live
from tests.fleets.process_world import Host, make_host
from workers.models import Node
from workers.states import NodeState


class TestProcessFleet(FleetContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[Host]:
        host = make_host(tmp_path)
        yield host
        host.end_all()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = make_host(tmp_path)
    yield host
    host.end_all()


def bring_up(host: Host, fleet: ProcessFleet, count: int) -> list[Member]:
    fleet.start(count)
    members = list_live(fleet)
    wait_until(lambda: all(map(host.runs, members)), "the workers")
    return members


def test_only_the_worker_is_stopped_and_only_once(host: Host) -> None:
    (member,) = bring_up(host, host.make_fleet(), 1)
    (below,) = psutil.Process(member.pid).children()
    host.hold_endings()
    for _ in range(3):
        host.make_fleet().stop([member.key])
    wait_until(lambda: host.stop_requests(member), "the signal")
    (seen,) = host.make_fleet().list_members()
    assert seen.phase is Phase.STOPPING
    assert not processes.is_over(below)
    assert host.stop_requests(member) == 1
    host.release_endings()
    wait_until(lambda: host.count() == 0, "the end")


def test_a_number_that_another_process_has_now_is_never_signalled(host: Host) -> None:
    """The worker is gone, and its process id belongs to somebody else."""
    fleet = host.make_fleet()
    (member,) = bring_up(host, fleet, 1)
    host.die(member)
    wait_until(lambda: not list_live(fleet), "its death")
    host.add_stranger()
    (stranger,) = host.strangers
    file = fleet.folder / f"{member.key}.json"
    file.write_text(file.read_text().replace(str(member.pid), str(stranger.pid)))
    heir = host.make_fleet()
    assert [each.phase for each in heir.list_members()] == [Phase.ENDED]
    heir.stop([member.key])
    heir.clear([member.key])
    assert heir.list_members() == []
    assert stranger.poll() is None


def test_workers_without_files_are_found_but_not_what_they_left_behind(host: Host) -> None:
    """As after kill -9 of the loop between the start and the file; and after the death of a worker
    whose own processes live on, with its environment."""
    first, second = bring_up(host, host.make_fleet(), 2)
    (orphan,) = psutil.Process(second.pid).children()
    host.die(second)
    for file in (host.state / "run" / "fleet").glob("*.json"):
        file.unlink()
    assert orphan.environ()[PID_MARK] == str(second.pid)
    (found,) = host.make_fleet().list_members()
    assert (found.key, found.pid, found.phase) == (first.key, first.pid, Phase.RUNNING)
    assert found.started_at is not None
    assert first.started_at is not None
    assert abs((found.started_at - first.started_at).total_seconds()) < 10
    orphan.kill()


def test_the_last_loop_that_ends_takes_its_workers_along(host: Host) -> None:
    fleet, other = host.make_fleet(), host.make_fleet()
    bring_up(host, fleet, 3)
    other.list_members()
    fleet.close()
    assert host.count() == 3, "the other loop takes them over"
    members = list_live(other)
    assert len(members) == 3
    other.close()
    assert host.count() == 0
    assert [host.was_killed(member) for member in members] == [False] * 3
    assert host.make_fleet().list_members() == []


def test_closing_waits_no_longer_than_a_worker_may_take(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_end, "AFTER_GRACE_SECONDS", 0.2)
    host.grace_seconds = 0.3
    fleet = host.make_fleet()
    (member,) = bring_up(host, fleet, 1)
    host.hold_endings()
    begun = time.monotonic()
    fleet.close()
    assert 0.5 <= time.monotonic() - begun < 20
    assert host.runs(member), "it is not killed"
    (seen,) = host.make_fleet().list_members()
    assert (seen.key, seen.phase) == (member.key, Phase.STOPPING)


def test_one_that_cannot_start_says_why(tmp_path: Path) -> None:
    host = make_host(tmp_path, 'import sys; sys.exit("taskplane: a setting is wrong\\n\\n")')
    fleet = host.make_fleet()
    fleet.start(1)
    wait_until(lambda: not list_live(fleet), "its end")
    (member,) = fleet.list_members()
    error = "Last error in its log: taskplane: a setting is wrong"
    pattern = r"It ended with exit code 1; it had run for \d+\.\d s\. " + error
    assert re.fullmatch(pattern, member.detail)
    assert fleet.list_members()[0].detail == member.detail, "its time does not go on"
    # A loop that did not start it cannot know the status.
    detail = host.make_fleet().list_members()[0].detail
    assert detail == f"It ended, its exit code is unknown. {error}"


def test_one_that_was_killed_says_so_and_one_that_ended_well_nothing(host: Host) -> None:
    fleet = host.make_fleet()
    killed, ended = bring_up(host, fleet, 2)
    host.die(killed)
    host.end(ended)
    wait_until(lambda: not list_live(fleet), "their end")
    details = {member.key: member.detail for member in fleet.list_members()}
    assert details.pop(ended.key) == ""
    pattern = r"It was killed by signal 9 \(SIGKILL\); it had run for \d+\.\d s\."
    assert re.fullmatch(pattern, details[killed.key])


def test_a_killed_one_is_not_explained_by_the_last_line_of_its_log(host: Host) -> None:
    """The warning that Celery writes when it is run by root was reported as the reason."""
    fleet = host.make_fleet()
    (killed,) = bring_up(host, fleet, 1)
    log = host.state / "logs" / f"worker-{killed.key}.log"
    with log.open("a") as file:
        file.write("2026 WARNING 1 - x: y\n  _warn_or_raise_security_error(egid, euid, gid, uid,\n")
    host.die(killed)
    wait_until(lambda: not list_live(fleet), "its end")
    assert "Last error" not in fleet.list_members()[0].detail
    with log.open("a") as file:
        file.write("2026 ERROR 1 - x: no space left\n  later: all is well\n")
    assert fleet.list_members()[0].detail.endswith(
        "Last error in its log: 2026 ERROR 1 - x: no space left"
    )


def test_too_little_memory_is_shown_in_figures(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that have just been started are counted with what they will take."""
    monkeypatch.setattr(back_end, "WORKER_BYTES", free_bytes() * 2 // 3)
    fleet = host.make_fleet()
    refusal = (
        r"^{} more workers? wants? about \d+\.\d GiB of memory and .* has \d+\.\d GiB .* MAX_WORK"
    )
    with pytest.raises(FleetError, match=refusal.format(2)):
        fleet.start(2)
    assert host.count() == 0
    bring_up(host, fleet, 1)
    with pytest.raises(FleetError, match=refusal.format(1)):
        fleet.start(1)
    assert host.count() == 1


def test_the_limit_of_a_control_group_counts(tmp_path: Path) -> None:
    """Files as the kernel shows them, of both versions."""
    new = tmp_path / "a" / "b"
    new.mkdir(parents=True)
    (tmp_path / "a" / "memory.max").write_text("1000000\n")
    (tmp_path / "a" / "memory.current").write_text("700000\n")
    (tmp_path / "a" / "memory.stat").write_text("anon 600000\ninactive_file 100000\n")
    (new / "memory.max").write_text("max\n")
    (new / "memory.current").write_text("700000\n")
    (new / "memory.stat").write_text("anon 600000\n")
    membership = tmp_path / "membership"
    membership.write_text("0::/a/b\n")
    assert free_bytes(tmp_path, membership) == 400_000
    # In a container the path is that of the host.
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("500000\n")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("450000\n")
    (tmp_path / "memory" / "memory.stat").write_text("total_inactive_file 30000\n")
    membership.write_text("4:memory:/docker/f00\n1:name=systemd:/docker/f00\n0::/\n")
    assert free_bytes(tmp_path, membership) == 80_000
    assert free_bytes(tmp_path, tmp_path / "none") > 80_000


def test_logs_are_bounded_in_size_and_number(host: Host) -> None:
    fleet = host.make_fleet()
    (member,) = bring_up(host, fleet, 1)
    log = host.state / "logs" / f"worker-{member.key}.log"
    log.write_bytes(b"x" * (LIMIT_BYTES + 1))
    for number in range(KEPT + 3):
        old = log.with_name(f"worker-{number}.log")
        old.touch()
        os.utime(old, (number + 1, number + 1))
    log.with_name("worker-0.log.1").touch()
    component = log.with_name("worker.log")
    component.touch()
    host.make_fleet().list_members()
    left = {path.name for path in log.parent.iterdir()}
    expected = {f"worker-{number}.log" for number in range(3, KEPT + 3)}
    assert left == expected | {log.name, f"{log.name}.1", component.name}
    assert log.stat().st_size == 0
    assert log.with_name(f"{log.name}.1").stat().st_size == LIMIT_BYTES + 1


@pytest.mark.nightly
@pytest.mark.ci
def test_real_workers_of_one_host(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three with different pids and health ports; one is stopped, the others end with the loop."""
    for name, value in {**engine.env, "WORKER_CONCURRENCY": "1"}.items():
        monkeypatch.setenv(name, value)
    fleet = make_fleet("process")
    assert isinstance(fleet, ProcessFleet)
    assert fleet.list_members() == []
    keys = fleet.start(3)
    active = Node.objects.filter(state=NodeState.ACTIVE)
    engine.wait(lambda: active.count() == 3, "three nodes", 60)

    members = {(member.host, member.pid): member for member in fleet.list_members()}
    nodes = {(node.host, node.pid): node for node in active}
    assert nodes.keys() == members.keys()
    assert {member.key for member in members.values()} == set(keys)
    ports = {node.health_port for node in nodes.values()}
    assert len(ports) == 3
    for port in ports:
        assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    logs = home.home() / "logs"
    assert all((logs / f"worker-{key}.log").stat().st_size for key in keys)

    first = next(node for node in nodes.values() if node.pid == min(n.pid for n in nodes.values()))
    fleet.stop([members[first.host, first.pid].key])
    engine.wait(lambda: not psutil.pid_exists(first.pid) or len(list_live(fleet)) == 2, "its end")
    assert sorted(active.values_list("pid", flat=True)) == sorted(
        node.pid for node in nodes.values() if node is not first
    )
    fleet.close()
    assert list_live(make_fleet("process")) == []
    assert set(Node.objects.values_list("state", flat=True)) == {NodeState.STOPPED.value}
    for key in keys:
        (logs / f"worker-{key}.log").unlink()


def test_a_record_of_an_earlier_release_is_read(host: Host) -> None:
    """Its field had another name; the worker stays a member, and is not signalled again."""
    fleet = host.make_fleet()
    (member,) = bring_up(host, fleet, 1)
    path = fleet.folder / f"{member.key}.json"
    record = json.loads(path.read_text())
    assert record.pop("stop_sent") is False
    path.write_text(json.dumps({**record, "told": True}))
    (read,) = host.make_fleet().list_members()
    assert (read.key, read.phase) == (member.key, Phase.STOPPING)
