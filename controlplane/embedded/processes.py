"""Processes by id (whether one is still the expected program, ending it), and loopback ports."""

import os
import random
import socket
import time
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"
# Below the range from which systems give ports to outgoing connections: one of those could take
# a remembered port while its server is stopped.
CHOICES = range(15_000, 30_000)
TRIES = 50

POLL_SECONDS = 0.02


def find(pid: int, *, name: str, mentions: str) -> psutil.Process | None:
    """The running process with this id, if it has the name and its command contains the text. A
    process id alone is not enough: after a restart of the machine it may belong to another process.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or name not in process.name():
            return None
        return process if mentions in " ".join(process.cmdline()) else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def is_over(process: psutil.Process) -> bool:
    """Whether the process has ended, reaped or not."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end(process: psutil.Process, seconds: float) -> None:
    """Terminate the process, and kill it after `seconds`."""
    # psutil's own wait would wait for init to reap a process that is not our child.
    try:
        process.terminate()
        deadline = time.monotonic() + seconds
        while not is_over(process):
            if time.monotonic() > deadline:
                process.kill()
                return
            time.sleep(POLL_SECONDS)
    except psutil.NoSuchProcess:
        return


def read_pid(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="utf-8").split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def tail(path: Path, lines: int = 5, limit: int = 8192) -> list[str]:
    """The last lines of a log, at most `limit` bytes; empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - limit))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def listening_on(port: int) -> str:
    """The process that listens on the port, as `name, pid N`; empty if this user may not see it."""
    try:
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.pid and found.laddr[1:] == (port,):
                return f"{psutil.Process(found.pid).name()}, pid {found.pid}"
    except (psutil.Error, OSError):
        return ""
    return ""


def marked(name: str, value: str) -> list[psutil.Process]:
    """The processes that were started with this variable in their environment.

    This process and its ancestors are left out.
    """
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid not in mine and process.environ().get(name) == value:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def free_port() -> int:
    """A port on which no process listens."""
    for port in random.sample(CHOICES, TRIES):
        if is_free(port):
            return port
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        return int(sock.getsockname()[1])


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on the port."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError:
            return False
    return True


def remembered_or_free(port: object) -> int:
    """The previous port if it is free, otherwise another one."""
    if isinstance(port, int) and is_free(port):
        return port
    return free_port()
