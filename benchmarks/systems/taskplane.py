"""Taskplane itself: its own worker, dispatcher and app, as `manage.py up` starts them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import marks
from benchmarks.processes import Component, running
from benchmarks.servers import Servers
from benchmarks.systems.app import App
from benchmarks.systems.base import _LATEST, SLOTS, HttpSystem, RecordError, WorkerSystem
from controlplane.embedded import processes

_TABLES = "task, taskattempt, tasklog, taskdependency, idempotencykey, taskcount, taskcountchange"
_NO_LIMIT = "1000000000"
_ASK_SECONDS = 0.05
# A scenario that measures pruning does it itself: a dispatcher would be first.
_KEEP_ALL = {"RETENTION_DAYS": "3650", "ATTEMPT_RETENTION_DAYS": "3650"}


class Taskplane(HttpSystem, WorkerSystem):
    """Two slots, a dispatcher beside the worker, and defaults for everything else."""

    key = "taskplane"
    title = "Taskplane"
    producer = "taskplane"
    size = 0

    def __init__(self, servers: Servers, *, database: str = "taskplane", broker: int = 0) -> None:
        super().__init__(servers)
        self.database = database
        self._broker = broker
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
            DATABASE_URL=self.servers.database_url(self.database),
            REDIS_HOST=host,
            REDIS_PORT=str(port),
            CELERY_BROKER_URL=self.servers.broker_url(self._broker),
            APP_SERVICE_PORT=str(app),
            WORKER_SERVICE_PORT=str(worker),
            WORKER_CONCURRENCY=str(SLOTS),
            # Counted at their full cost, but never in the way.
            RATE_LIMIT_PER_KEY=_NO_LIMIT,
            RATE_LIMIT_PER_WORKSPACE=_NO_LIMIT,
        )

    def prepare(self) -> None:
        self.servers.make_database(self.database)
        self._api_key = self.produce("prepare")["api_key"]

    @contextmanager
    def worker(self, slots: int = SLOTS, *, dispatches: bool = False) -> Iterator[Component]:
        """`dispatches`: its dispatcher is one of its own processes."""
        arguments = ["manage.py", "worker", "--concurrency", str(slots)]
        if dispatches:
            env, log = self.env() | _KEEP_ALL, self.log("worker")
            with running([*arguments, "--dispatch"], env, log) as worker:
                self._await_leader(worker)
                yield worker
            return
        with (
            self.dispatcher() as dispatcher,
            running(arguments, self.env(), self.log("worker")) as worker,
        ):
            yield worker
            dispatcher.begin_stop()  # both at once: a run has many of these ends

    @contextmanager
    def dispatcher(self) -> Iterator[Component]:
        """A dispatcher that leads, while the block lasts."""
        env = self.env() | _KEEP_ALL
        with running(["manage.py", "dispatch"], env, self.log("dispatch")) as dispatcher:
            self._await_leader(dispatcher)
            yield dispatcher

    @contextmanager
    def app(self) -> Iterator[App]:
        with running(["manage.py", "serve"], self.env(), self.log("app")) as component:
            app = App(component, self._ports[0], self._api_key, self.servers.postgres_pid)
            app.await_ready()
            yield app

    def empty(self) -> None:
        self.servers.flush_broker(self._broker)
        tables = ", ".join(f"tasks_app_{name}" for name in _TABLES.split(", "))
        # The leader of the last measurement is gone; do not wait for its time to live.
        self.ask(f"TRUNCATE {tables}, tasks_app_leader")
        self.ask("TRUNCATE workflows_workflow CASCADE")

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
            return bool(self.ask(ended)[0] >= count)

        # Asking costs the server too; the last answer may be so much late.
        marks.wait_until(
            all_ended, f"{count} tasks in {self.title}", seconds=_LATEST, every=_ASK_SECONDS
        )
        row = self.ask(
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
            return bool(self.ask(looks, run)[0] != "RUNNING")

        marks.wait_until(has_ended, f"the run {run}", seconds=_LATEST, every=_ASK_SECONDS)
        state, seconds = self.ask(looks, run)
        if state != "COMPLETED":
            raise RecordError(f"The run {run} is {state}.")
        return float(seconds)

    def newest_task(self) -> str:
        return str(self.ask("SELECT id FROM tasks_app_task ORDER BY id DESC LIMIT 1")[0])

    def verify_accepted(self, count: int) -> None:
        """All of them run, each once: see `verify`."""
        with self.worker() as worker:
            self.await_end(count, worker)
            self.verify(count)

    def verify(self, count: int) -> None:
        """Every task COMPLETED, with exactly one attempt row, which SUCCEEDED. The tasks of the
        shipped schedules are not part of a measurement."""
        tasks, good, attempts, succeeded, distinct = self.ask(
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

    def log(self, component: str) -> Path:
        return self.servers.state / f"{component}-{self.database}.log"

    def _await_leader(self, dispatcher: Component) -> None:
        def has_leader() -> bool:
            dispatcher.require_alive()
            return bool(self.ask("SELECT EXISTS (SELECT FROM tasks_app_leader)")[0])

        marks.wait_until(has_leader, "a dispatcher that leads", seconds=60)

    def pause(self, queue: str) -> None:
        """Let no task of the queue start."""
        self.ask("UPDATE tasks_app_queue SET paused_at = now() WHERE name = %s", queue)

    def resume(self, queue: str) -> None:
        """Let its tasks start: the dispatcher sees them within a second."""
        self.ask("UPDATE tasks_app_queue SET paused_at = NULL WHERE name = %s", queue)

    def count_connections(self) -> int:
        """The open connections to its database, without its own."""
        (count,) = self.ask(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return int(count)

    def close(self) -> None:
        """Leave the database, so that it can be dropped."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(self, text: str, *values: object) -> tuple[Any, ...]:
        """The first row of a statement's answer."""
        # Kept open: this is asked every few milliseconds beside the work that is measured.
        if self._connection is None:
            url = self.servers.database_url(self.database)
            self._connection = psycopg.connect(url, autocommit=True)
        cursor = self._connection.execute(text.encode(), values or None)
        row = cursor.fetchone() if cursor.description else None
        return row or ()
