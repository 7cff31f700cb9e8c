"""Taskplane itself: its own worker, dispatcher and app, as `manage.py up` starts them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from benchmarks import marks
from benchmarks.processes import Component, running
from benchmarks.servers import Servers
from benchmarks.systems.app import App
from benchmarks.systems.base import _LATEST, SLOTS, HttpSystem, RecordError, WorkerSystem
from controlplane.embedded import processes

_DATABASE = "taskplane"
_TABLES = "task, taskattempt, tasklog, taskdependency, idempotencykey, taskcount, taskcountchange"
_NO_LIMIT = "1000000000"
_ASK_SECONDS = 0.05


class Taskplane(HttpSystem, WorkerSystem):
    """Two slots, a dispatcher beside the worker, and defaults for everything else."""

    key = "taskplane"
    title = "Taskplane"
    producer = "taskplane"
    size = 0

    def __init__(self, servers: Servers) -> None:
        super().__init__(servers)
        self._api_key = ""
        self._ports = (processes.free_port(), processes.free_port())
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def env(self) -> dict[str, str]:
        host, port = self.servers.valkey
        app, worker = self._ports
        return self.servers.env(
            BENCH_MARKS=str(self.marks),
            TASKPLANE_HOME=str(self.servers.state),
            TASKPLANE_DOTENV=os.devnull,
            TASKPLANE_PROCESSORS="benchmarks.processors",
            DJANGO_SETTINGS_MODULE="controlplane.settings",
            DATABASE_URL=self.servers.database_url(_DATABASE),
            REDIS_HOST=host,
            REDIS_PORT=str(port),
            APP_SERVICE_PORT=str(app),
            WORKER_SERVICE_PORT=str(worker),
            WORKER_CONCURRENCY=str(SLOTS),
            # Counted at their full cost, but never in the way.
            RATE_LIMIT_PER_KEY=_NO_LIMIT,
            RATE_LIMIT_PER_WORKSPACE=_NO_LIMIT,
        )

    def prepare(self) -> None:
        self.servers.make_database(_DATABASE)
        self._api_key = self.produce("prepare")["api_key"]

    @contextmanager
    def worker(self) -> Iterator[Component]:
        state = self.servers.state
        with running(["manage.py", "dispatch"], self.env(), state / "dispatch.log") as dispatcher:
            self._await_leader(dispatcher)
            with running(["manage.py", "worker"], self.env(), state / "worker.log") as worker:
                yield worker
                dispatcher.begin_stop()  # both at once: a run has many of these ends

    @contextmanager
    def app(self) -> Iterator[App]:
        log = self.servers.state / "app.log"
        with running(["manage.py", "serve"], self.env(), log) as component:
            app = App(component, self._ports[0], self._api_key)
            app.await_ready()
            yield app

    def empty(self) -> None:
        self.servers.flush_broker(0)
        tables = ", ".join(f"tasks_app_{name}" for name in _TABLES.split(", "))
        # The leader of the last measurement is gone; do not wait for its time to live.
        self._query(f"TRUNCATE {tables}, tasks_app_leader")
        self._query("TRUNCATE workflows_workflow CASCADE")

    def await_end(self, count: int, worker: Component) -> float:
        """From the first start to the moment at which everything was seen to be committed."""
        # The counts, which are committed with the outcomes: to look for a task that has not ended,
        # Postgres would read the index entries of all that have, and take CPU from the drain.
        ended = """
            SELECT coalesce(sum(completed + failed + cancelled), 0)::bigint
            FROM (SELECT type, completed, failed, cancelled FROM tasks_app_taskcount
                  UNION ALL
                  SELECT type, completed, failed, cancelled FROM tasks_app_taskcountchange)
            WHERE type NOT IN ('health-check', 'cleanup')
        """

        def all_ended() -> bool:
            worker.require_alive()
            return bool(self._query(ended)[0] >= count)

        # Asking costs the server too; the last answer may be so much late.
        marks.wait_until(
            all_ended, f"{count} tasks in {self.title}", seconds=_LATEST, every=_ASK_SECONDS
        )
        row = self._query(
            "SELECT extract(epoch FROM clock_timestamp() - min(started_at))::float8"
            " FROM tasks_app_task WHERE type NOT IN ('health-check', 'cleanup')"
        )
        return float(row[0])

    def await_run(self, run: str, worker: Component) -> float:
        """Seconds from the start of a workflow run to its end, which must be COMPLETED."""

        looks = """
            SELECT state, extract(epoch FROM finished_at - created_at)::float8
            FROM workflows_workflowrun WHERE id = %s
        """

        def has_ended() -> bool:
            worker.require_alive()
            return bool(self._query(looks, run)[0] != "RUNNING")

        marks.wait_until(has_ended, f"the run {run}", seconds=_LATEST, every=_ASK_SECONDS)
        state, seconds = self._query(looks, run)
        if state != "COMPLETED":
            raise RecordError(f"The run {run} is {state}.")
        return float(seconds)

    def newest_task(self) -> str:
        return str(self._query("SELECT id FROM tasks_app_task ORDER BY id DESC LIMIT 1")[0])

    def verify_accepted(self, count: int) -> None:
        """All of them run, each once: see `verify`."""
        with self.worker() as worker:
            self.await_end(count, worker)
            self.verify(count)

    def verify(self, count: int) -> None:
        """Every task COMPLETED, with exactly one attempt row, which SUCCEEDED. The tasks of the
        shipped schedules are not part of a measurement."""
        tasks, good, attempts, succeeded, distinct = self._query(
            """
            SELECT t.rows, t.good, a.rows, a.good, a.tasks
            FROM (SELECT count(*) AS rows,
                    count(*) FILTER (WHERE state = 'COMPLETED' AND attempt = 1) AS good
                  FROM tasks_app_task WHERE type NOT IN ('health-check', 'cleanup')) t,
                 (SELECT count(*) AS rows, count(*) FILTER (WHERE outcome = 'SUCCEEDED') AS good,
                    count(DISTINCT task_id) AS tasks
                  FROM tasks_app_taskattempt
                  WHERE type NOT IN ('health-check', 'cleanup')) a
            """
        )
        if {tasks, good, attempts, succeeded, distinct} != {count}:
            raise RecordError(
                f"{count} tasks were submitted; the records contain {tasks}, {good} of them "
                "completed "
                f"at once, with {attempts} attempts, {succeeded} of them successful, of "
                f"{distinct} tasks."
            )

    def _await_leader(self, dispatcher: Component) -> None:
        def has_leader() -> bool:
            dispatcher.require_alive()
            return bool(self._query("SELECT EXISTS (SELECT FROM tasks_app_leader)")[0])

        marks.wait_until(has_leader, "a dispatcher that leads", seconds=60)

    def _query(self, text: str, *values: str) -> tuple[Any, ...]:
        # Kept open: this is asked every few milliseconds beside the work that is measured.
        if self._connection is None:
            url = self.servers.database_url(_DATABASE)
            self._connection = psycopg.connect(url, autocommit=True)
        cursor = self._connection.execute(text.encode(), values or None)
        row = cursor.fetchone() if cursor.description else None
        return row or ()
