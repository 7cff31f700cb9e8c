"""Upgrade and roll back under load, and count what was lost.

The steps, while tasks, workflow runs and a schedule are submitted by HTTP and from Python:
  1  the old release alone, on its own schema
  2  an app and a worker of the new release start on the old schema: they wait, and say so
  3  the schema is migrated; what waited joins, and both releases work side by side
  4  the old release leaves, one process after the other
  5  back again: the old release returns on the new schema, the new one leaves
  6  the old release alone, on the new schema
"""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import psycopg

from scripts.upgrade import ledger
from scripts.upgrade.fleet import Fleet
from scripts.upgrade.load import Client, Load
from scripts.upgrade.releases import RehearsalError, Release

_STEP_SECONDS = 120
_WAITING = """
SELECT 1 FROM pg_locks WHERE NOT granted
    AND (mode = 'AccessExclusiveLock' AND relation = 'tasks_app_task'::regclass
        OR locktype = 'virtualxid')
"""
_IN_USE = "A table is in use"
_WAITS = "Waiting for `manage.py migrate`"
_NOTHING_TO_MIGRATE = "No planned migration operations"
_KNOWS_THE_SCHEMA = "controlplane/core/schemaversion.py"


@dataclass(frozen=True)
class Plan:
    """How long each step lasts, with which rate and how many workers of a release, and for how
    long a reader keeps the migration from the hottest table."""

    seconds: float = 8
    per_second: float = 40
    workers: int = 2
    reader_seconds: float = 2.5


class Rehearsal:
    """One rehearsal, in a database that the old release has migrated. `addresses`: of the database
    and of Redis, as variables. `key`: an API key of an administrator, or one is made."""

    def __init__(
        self,
        old: Release,
        new: Release,
        *,
        addresses: dict[str, str],
        folder: Path,
        plan: Plan,
        output: TextIO,
        key: str = "",
    ) -> None:
        self._old, self._new, self._plan = old, new, plan
        self._url = addresses["DATABASE_URL"]
        self._traces = folder / "traces"
        self._traces.touch()
        self.fleet = Fleet(addresses, folder, self._traces)
        self._output = output
        self._key = key
        self._began = time.monotonic()
        self._phases: list[tuple[str, int]] = []  # name, traces before it
        self.had_to_wait = False  # the migration, for the reader

    def run(self) -> ledger.Result:
        """All steps. Raises RehearsalError."""
        client = Client(self._key or self.fleet.make_key(self._old))
        load = Load(client, per_second=self._plan.per_second)
        self._begin("old alone, old schema")
        self.fleet.start_all(self._old, self._plan.workers)
        client.apps = self.fleet.apps()
        load.start()
        self.fleet.start_producer(self._old, self._plan.per_second / 2)
        self._work()
        self._try_new_on_old_schema()
        self._migrate(load)
        self._begin("both, new schema")
        self.wait("what has waited for the schema", self.fleet.all_ready)
        self.fleet.start_all(self._new, self._plan.workers)
        client.apps = self.fleet.apps()
        self.fleet.start_producer(self._new, self._plan.per_second / 2)
        self._work()
        self._replace(client, self._old)
        self._begin("new alone, new schema")
        self._work()
        self._begin("both again, new schema")
        self.fleet.start_all(self._old, self._plan.workers)
        client.apps = self.fleet.apps()
        self.fleet.start_producer(self._old, self._plan.per_second / 2)
        self._work()
        self._replace(client, self._new)
        self._begin("old alone, new schema")
        self._work()
        self.fleet.end_producers()
        load.end()
        self.say(f"longest submission over HTTP {load.longest:.2f} s, repeated {client.repeated}")
        self.wait("the end of all tasks", lambda: not ledger.count_open(self._url))
        return self._compare(load)

    def _try_new_on_old_schema(self) -> None:
        """The reverse: a release on the schema of the one before."""
        if not self._new.has(_KNOWS_THE_SCHEMA):
            self.say(f"{self._new.name} does not check the schema: not started before it is there")
            return
        if _NOTHING_TO_MIGRATE in self.fleet.manage(self._new, "migrate", "--plan").stdout:
            self.say("no migration between the two: nothing to wait for")
            return
        app = self.fleet.start_app(self._new, is_ready=False)
        worker = self.fleet.start_worker(self._new)
        waiting = (app, worker)
        self.wait("two that wait", lambda: all(_WAITS in each.output() for each in waiting))
        status, body = self.fleet.ask(app, "/health/ready")
        if status != 503 or "manage.py migrate" not in body:
            raise RehearsalError(f"/health/ready on the old schema answers {status}: {body[:300]}")
        if self.fleet.ask(app, "/health/live")[0] != 200:
            raise RehearsalError("/health/live does not answer while the schema is old.")
        if self.fleet.ask(app, "/tasks")[0] != 503:
            raise RehearsalError("An app on an old schema answers requests.")
        if any(release == self._new.name for _, release in self._read_traces()):
            raise RehearsalError("A worker on an old schema ran tasks.")
        self.say("new app and new worker wait for the schema, and say so")

    def _migrate(self, load: Load) -> None:
        """While somebody reads the hottest table in a long transaction, as an export or a dump
        does."""
        load.longest, began = 0.0, time.monotonic()
        with ThreadPoolExecutor(1) as pool, psycopg.connect(self._url) as reader:
            reader.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            reader.execute("SELECT count(*) FROM tasks_app_task")
            options = ("--noinput", "--verbosity", "0")
            migrating = pool.submit(self.fleet.manage, self._new, "migrate", *options)
            self.wait("a migration", lambda: migrating.done() or self._is_waited_for())
            if not migrating.done():
                time.sleep(self._plan.reader_seconds)
            reader.rollback()
            printed = migrating.result().stderr
        self.had_to_wait = _IN_USE in printed
        self.say(
            f"migrated under load in {time.monotonic() - began:.1f} s, behind a reader; longest "
            f"submission during it {load.longest:.2f} s"
        )
        load.longest = 0.0

    def _is_waited_for(self) -> bool:
        """Whether the migration waits for the reader."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            waiting = connection.execute(_WAITING).fetchone()
        return waiting is not None

    def _replace(self, client: Client, release: Release) -> None:
        """End the processes of a release, one after the other."""
        self.fleet.end_producers(release)
        client.apps = self.fleet.apps(without=release)
        codes = self.fleet.end_release(release)
        self.say(
            f"{release.name} has left: {len(codes)} processes, exit codes {sorted(set(codes))}"
        )

    def _work(self) -> None:
        end = time.monotonic() + self._plan.seconds
        while time.monotonic() < end:
            self.fleet.check()
            time.sleep(0.1)

    def _begin(self, phase: str) -> None:
        self._phases.append((phase, len(self._read_traces())))
        self.say(phase)

    def _compare(self, load: Load) -> ledger.Result:
        traces = self._read_traces()
        tasks = [*load.tasks, *self.fleet.produced()]
        result = ledger.check(self._url, tasks=tasks, runs=load.runs, traces=traces)
        starts = [number for _, number in self._phases] + [len(traces)]
        for (phase, start), end in zip(self._phases, starts[1:], strict=True):
            by = Counter(release for _, release in traces[start:end])
            ran = ", ".join(f"{name} ran {by[name]}" for name in (self._old.name, self._new.name))
            result.figures[phase] = ran
            if phase.startswith("both") and len(by) < 2:
                result.faults.append(f"{phase}: only one release worked.")
        by_http = len(load.tasks)
        result.figures |= {"by HTTP": by_http, "from Python": len(tasks) - by_http}
        return result

    def _read_traces(self) -> list[tuple[str, str]]:
        return ledger.read_traces(self._traces)

    def wait(self, what: str, condition: Callable[[], object]) -> None:
        """Raises RehearsalError: it did not come about in time."""
        give_up = time.monotonic() + _STEP_SECONDS
        while not condition():
            self.fleet.check()
            if time.monotonic() > give_up:
                raise RehearsalError(f"{what}: not within {_STEP_SECONDS} s")
            time.sleep(0.05)

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:5.1f}s  {text}", file=self._output, flush=True)
