"""This host as the process back-end uses it, with a small stand-in for the worker."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from controlplane.embedded import processes
from scaling.fleet import Member
from scaling.fleet.process import MARK, ProcessFleet
from scaling.fleet.process_host import ProcessLogs
from tests.engine import wait_until
from tests.fleets.contract import Fault

# Like a worker: it has a process below it, and on SIGTERM it ends that and then itself, as soon as
# nobody holds it. Each signal leaves a line.
STAND_IN = """
import os, pathlib, signal, subprocess, sys, time

place = pathlib.Path(sys.argv[1])
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
stops = []

def note_stop(*_):
    stops.append(1)
    with (place / f"{os.getpid()}.stops").open("a") as file:
        file.write("stop\\n")

signal.signal(signal.SIGTERM, note_stop)
(place / f"{os.getpid()}.up").touch()
while not stops or (place / "hold").exists():
    time.sleep(0.02)
child.kill()
child.wait()
(place / f"{os.getpid()}.ended").touch()
"""


@dataclass
class Host:
    """This host, as far as one folder goes."""

    place: Path
    command: list[str]
    shares_host: bool = True
    patience: float = 30.0
    settle: float = 0.5
    faults: tuple[Fault, ...] = (
        Fault("a file where the folder was", "TASKPLANE_HOME"),
        Fault("no folder, and none can be made", "TASKPLANE_HOME"),
    )
    grace_seconds: float = 5.0
    strangers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.place / "state"

    def make_fleet(self) -> ProcessFleet:
        logs = ProcessLogs(self.state / "logs")
        folder = self.state / "run" / "fleet"
        return ProcessFleet(self.command, folder, logs, self.grace_seconds)

    def pids(self) -> list[int]:
        """The stand-ins of this place; those of other runs of the tests name another."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.cmdline()[1:] == self.command[1:] and not processes.is_over(process):
                    found.append(process.pid)
        return found

    def count(self) -> int:
        return len(set(self.pids()) - {stranger.pid for stranger in self.strangers})

    def runs(self, member: Member) -> bool:
        # Only once it stands at its post do signals mean to it what they mean to a worker.
        return member.pid in self.pids() and (self.place / f"{member.pid}.up").exists()

    def stop_requests(self, member: Member) -> int:
        path = self.place / f"{member.pid}.stops"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def was_killed(self, member: Member) -> bool:
        return not (self.place / f"{member.pid}.ended").exists()

    def hold_endings(self) -> None:
        (self.place / "hold").touch()

    def release_endings(self) -> None:
        (self.place / "hold").unlink()

    def end(self, member: Member) -> None:
        assert member.pid
        os.kill(member.pid, signal.SIGTERM)

    def die(self, member: Member) -> None:
        """Kill it, and wait until it is dead: a signal takes its time to act."""
        assert member.pid
        worker = psutil.Process(member.pid)
        worker.kill()
        wait_until(lambda: not is_alive(worker), "the death of the worker")

    def add_stranger(self) -> None:
        """A worker that a person started, and one of an installation in another folder."""
        elsewhere = {**os.environ, MARK: str(self.place / "other" / "run" / "fleet" / "key.json")}
        self.strangers.append(subprocess.Popen(self.command, env=elsewhere))

    def count_strangers(self) -> int:
        return sum(stranger.poll() is None for stranger in self.strangers)

    def take_away(self, fault: Fault) -> None:
        gone = self.state.with_name("gone")
        self.state.rename(gone)
        if fault.name.startswith("a file"):
            (self.state / "run").mkdir(parents=True)
            (self.state / "run" / "fleet").touch()
        else:
            self.state.touch()

    def give_back(self) -> None:
        if self.state.is_dir():
            (self.state / "run" / "fleet").unlink()
            (self.state / "run").rmdir()
            with suppress(FileNotFoundError):
                (self.state / "logs").rmdir()
            self.state.rmdir()
        else:
            self.state.unlink()
        self.state.with_name("gone").rename(self.state)

    def end_all(self) -> None:
        """Also what workers that were killed left behind, and what starts just now."""
        while left := self._list_marked():
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            for stranger in self.strangers:
                stranger.wait(10)

    def _list_marked(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                is_ours = process.environ().get(MARK, "").startswith(f"{self.place}/")
                if is_ours and not processes.is_over(process):
                    found.append(process)
        return found


def make_host(tmp_path: Path, script: str = STAND_IN) -> Host:
    file = tmp_path / "standin.py"
    file.write_text(script)
    return Host(tmp_path, [sys.executable, str(file), str(tmp_path)])


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; one that nobody has waited for is dead."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
