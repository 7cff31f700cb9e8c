"""The front door of a Node service: Express, one row in Postgres, a job in BullMQ."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import psycopg
import redis

from benchmarks.processes import PROJECT, ChildError, running
from benchmarks.servers import Servers
from benchmarks.systems.app import App
from benchmarks.systems.base import HttpSystem, RecordError
from controlplane.embedded import processes as embedded

_SOURCE = PROJECT / "benchmarks" / "peers" / "express"
_BROKER = 8
_CONNECTIONS = 10
_INSTALL_SECONDS = 300


class Express(HttpSystem):
    """Takes tasks only: it shows what accepting a task costs there, not what running it does."""

    key = "express"
    title = "Express + row + BullMQ"

    def __init__(self, servers: Servers) -> None:
        super().__init__(servers)
        self._api_key = token_hex(16)
        self._folder: Path = servers.state / "express"

    def env(self) -> dict[str, str]:
        return self.servers.env(
            NODE_ENV="production",
            BENCH_API_KEY=self._api_key,
            BENCH_BROKER_URL=self.servers.broker_url(_BROKER),
            BENCH_CONNECTIONS=str(_CONNECTIONS),
            BENCH_DATABASE_URL=self.servers.database_url("bench_express"),
        )

    def prepare(self) -> None:
        """Copy the service next to its packages, and install these with npm."""
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            raise ChildError("The system 'express' needs Node.js with npm: install them first.")
        self._folder.mkdir(exist_ok=True)
        for name in ("package.json", "server.mjs"):
            shutil.copy(_SOURCE / name, self._folder / name)
        command = [npm, "install", "--omit=dev", "--no-package-lock", "--no-audit", "--no-fund"]
        result = subprocess.run(
            command,
            cwd=self._folder,
            env=dict(os.environ),  # npm's own set-up, such as a proxy
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
        if result.returncode:
            raise ChildError(f"npm install failed:\n{result.stderr[-2000:]}")
        self.servers.make_database("bench_express")

    @contextmanager
    def app(self) -> Iterator[App]:
        port = embedded.free_port()
        env = {**self.env(), "BENCH_PORT": str(port)}
        log = self.servers.state / "express.log"
        with running([str(self._folder / "server.mjs")], env, log, program="node") as component:
            app = App(component, port, self._api_key)
            app.await_ready()
            yield app

    def empty(self) -> None:
        self.servers.flush_broker(_BROKER)
        with psycopg.connect(self.env()["BENCH_DATABASE_URL"], autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS task")

    def newest_task(self) -> str:
        return str(self._read("SELECT id FROM task ORDER BY created_at DESC LIMIT 1"))

    def verify_accepted(self, count: int) -> None:
        rows = self._read("SELECT count(*) FROM task")
        host, port = self.servers.valkey
        with redis.Redis(host=host, port=port, db=_BROKER) as client:
            jobs = client.llen("bull:tasks:wait")
        if not rows == jobs == count:
            raise RecordError(f"{count} tasks were accepted: {rows} rows and {jobs} jobs exist.")

    def _read(self, query: str) -> object:
        with psycopg.connect(self.env()["BENCH_DATABASE_URL"], autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
            return row[0] if row else None
