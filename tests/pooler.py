"""PgBouncer in transaction mode in front of the tests' Postgres, as some installations have it.

    TASKPLANE_TEST_POOLER=1 ./scripts/test tests/acceptance

runs the components behind it; the tests themselves look at the database directly. It needs the
program `pgbouncer`, which no package of Python contains.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from controlplane.embedded import processes

WANTED = "TASKPLANE_TEST_POOLER"
PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
POOL_SIZE = 5
# As docs/pooler.md says; the pool is smaller than the number of connections of one worker, so
# that transactions of one connection really take turns on several of the server.
_CONFIGURATION = """\
[databases]
* = host={host} port={port} user={user} password={password} connect_query='{timeouts}'

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
ignore_startup_parameters = options,extra_float_digits
server_reset_query_always = 0
"""
# For the sessions of the server that it opens: those of the tests themselves go on without.
_TIMEOUTS = "SET statement_timeout TO 30000; SET idle_in_transaction_session_timeout TO 10000"


class Pooler:
    """One PgBouncer, as long as its owner lives."""

    def __init__(self, database_url: str, folder: Path) -> None:
        if PROGRAM is None:
            raise RuntimeError("There is no pgbouncer: install it, with apt-get install pgbouncer.")
        server = urlsplit(database_url)
        self._port = processes.free_port()
        file = folder / "pgbouncer.ini"
        file.write_text(
            _CONFIGURATION.format(
                host=server.hostname,
                port=server.port,
                user=server.username,
                password=server.password or "",
                own_port=self._port,
                pool_size=POOL_SIZE,
                timeouts=_TIMEOUTS,
            )
        )
        own = server._replace(netloc=f"{server.username}@127.0.0.1:{self._port}", query="")
        self.env: Mapping[str, str] = {
            "DATABASE_URL": urlunsplit(own),
            "DATABASE_PREPARED_STATEMENTS": "false",
        }
        self._process = self._start(file)

    def _start(self, file: Path) -> "subprocess.Popen[bytes]":
        assert PROGRAM is not None
        command = [PROGRAM, "-q", str(file)]
        if os.geteuid() == 0:  # it refuses to run as root
            command[1:1] = ["-u", "nobody"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        give_up = time.monotonic() + 10
        while time.monotonic() < give_up:
            if process.poll() is not None:
                assert process.stderr is not None
                raise RuntimeError(f"pgbouncer ended: {process.stderr.read().decode()[-500:]}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return process
            time.sleep(0.05)
        process.kill()
        raise RuntimeError("pgbouncer does not listen after 10 s.")

    def end(self) -> None:
        self._process.kill()
        self._process.wait(10)


_poolers: dict[str, Pooler] = {}


def pooled(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of components: behind a pooler, if this run wants one."""
    if WANTED not in os.environ:
        return dict(env)
    url = env["DATABASE_URL"]
    if url not in _poolers:
        _poolers[url] = Pooler(url, folder)
    return {**env, **_poolers[url].env}


def end_all() -> None:
    """Before the tests' database is dropped."""
    while _poolers:
        _poolers.popitem()[1].end()
