"""Whether a pool child still lives: asked by its agent, four times a second."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from workers.agent import _is_alive
from workers.runtime import birth_time
from workers.slots import Slot


def slot_of(pid: int, folder: Path) -> Slot:
    return Slot.create(folder, pid=pid, pid_born=birth_time(psutil.Process(pid)))


@pytest.mark.parametrize("step", [-3_600.0, 1.0, 3_600.0])
def test_a_step_of_the_clock_declares_nobody_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    """The kernel reports the machine's start by the current clock."""
    slot = slot_of(os.getpid(), tmp_path)
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + step)
    assert psutil.Process().create_time() - psutil.boot_time() >= 0
    assert _is_alive(slot)


def test_a_dead_process_is_distinguished_from_one_that_got_its_number(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    slot = slot_of(child.pid, tmp_path)
    namesake = Slot.create(tmp_path / "other", pid=child.pid, pid_born=slot.pid_born - 1)
    assert _is_alive(slot)
    assert not _is_alive(namesake)
    child.kill()
    child.communicate()
    assert not _is_alive(slot)
