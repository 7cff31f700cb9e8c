"""The Postgres and the Valkey of a run: private, embedded, durable, the same for every system."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import redis
from psycopg import sql

from controlplane import embedded
from controlplane.embedded import home
from controlplane.embedded import postgres as embedded_postgres

# What a child inherits; everything else of the caller's environment could change what is measured.
_INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Servers:
    """Where the servers of this run are, and its folder."""

    state: Path
    postgres: str
    valkey: tuple[str, int]

    def database_url(self, name: str) -> str:
        """The address of one database of this Postgres, by its Unix socket."""
        address, _, where = self.postgres.partition("?")
        return f"{address.rpartition('/')[0]}/{name}" + (f"?{where}" if where else "")

    def broker_url(self, number: int) -> str:
        """The address of one of Valkey's numbered databases."""
        host, port = self.valkey
        return f"redis://{host}:{port}/{number}"

    @property
    def postgres_pid(self) -> int | None:
        """The process that all others of this Postgres descend from."""
        return embedded_postgres.pid(self.state)

    def env(self, **more: str) -> dict[str, str]:
        """The environment of a child, without the caller's own settings."""
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return {**kept, **more}

    def make_database(self, name: str) -> None:
        """Create an empty database; an existing one with that name is dropped."""
        self.drop_database(name)
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def drop_database(self, name: str) -> None:
        """Drop a database, also while something is connected to it."""
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
            command = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(command.format(sql.Identifier(name)))

    def flush_broker(self, number: int) -> None:
        """Empty one of Valkey's numbered databases."""
        with redis.Redis(host=self.valkey[0], port=self.valkey[1], db=number) as client:
            client.flushdb()

    def checkpoint(self) -> None:
        """Flush the writes of earlier measurements, so that the next does not pay for them."""
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    def facts(self) -> dict[str, Any]:
        """Versions and the settings that decide what a commit costs."""
        shown: tuple[LiteralString, ...] = ("server_version", "fsync", "synchronous_commit")
        with psycopg.connect(self.postgres) as connection:
            facts = {
                name: connection.execute(f"SELECT current_setting('{name}')").fetchone()
                for name in shown
            }
        with redis.Redis(host=self.valkey[0], port=self.valkey[1]) as client:
            info: dict[str, Any] = client.info("server")
        version = info.get("valkey_version") or info["redis_version"]
        return {**{k: v[0] for k, v in facts.items() if v}, "valkey_version": version}


@contextmanager
def running() -> Iterator[Servers]:
    """Start both servers in `.taskplane/bench`, and stop them at the end.

    Raises:
        EmbeddedError: another run is under way, or a server does not start.
    """
    state = home.ensure_folder(home.home() / "bench")
    with (state / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise embedded.EmbeddedError(
                "Another run of the benchmarks has not ended: wait for it, since they would "
                "disturb each other."
            ) from None
        try:
            over_tcp = embedded.ensure_postgres(state)
            address = embedded.postgres_local_url(state) or over_tcp
            yield Servers(state, address, embedded.ensure_valkey(state))
        finally:
            embedded.stop_all(state)
