"""Engines that run as long as tests need them, for tests that kill nothing.

A cold start of a worker, a dispatcher and an app takes seconds; a test that only submits work does
not need its own. A standing engine has a database and a Valkey of its own, since its worker would
take the rows and hear the wake-ups of other tests. While a test borrows it, this process's database
connections and wake-ups lead there; afterwards the test's rows are deleted, and the engine goes on.
One that nobody has borrowed for a minute is ended: idle, it still takes a fifteenth of a processor.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from celery import current_app
from django.db import connection, connections
from pytest_django import DjangoDbBlocker

from controlplane.core import process_state
from controlplane.embedded import valkey
from controlplane.ops.schedules.editing import update_schedule
from controlplane.ops.schedules.models import Schedule
from controlplane.workspaces.actors import SYSTEM
from tasks_app import wakeups
from tasks_app.models import Task
from tasks_app.services import cancel_tasks
from tasks_app.states import FINAL
from tests import cleaning
from tests.engine import Component, Engine

_MODULES = "tests.handlers,tests.isolation.handlers,tests.fault_handlers,tests.django_functions"
_DECLARED_SCHEDULES = 2
# Rows that the engine's processes remember and go on with.
_ENGINES_OWN = ("workers_", "tasks_app_leader", "tasks_app_queue", "tasks_app_rollupmark")
_FINAL = [state.value for state in FINAL]
# As long as it takes to start one, in seconds of a processor, fifteen times.
_IDLE_SECONDS = 60.0


@dataclass(frozen=True)
class App:
    """An app service that runs: its address and its process."""

    url: str
    component: Component


class StandingEngine(Engine):
    """A dispatcher and a worker that run already; an app from the first call of `app`."""

    def __init__(self, env: dict[str, str], folder: Path, *, concurrency: int) -> None:
        self._folder = folder
        self._database = f"{connection.settings_dict['NAME']}_{concurrency}"
        with ExitStack() as undo:  # a start that fails leaves nothing
            undo.callback(self._drop_database)
            copy_database(self._database)
            undo.callback(valkey.stop, folder)
            self.host, self.port = valkey.start(folder)
            addresses = {"REDIS_HOST": self.host, "REDIS_PORT": str(self.port)}
            super().__init__(
                {**env, **addresses, "TASKPLANE_TEST_DATABASE": self._database}, folder
            )
            undo.callback(super().end)
            self._start_engine(concurrency)
            undo.pop_all()

    def _start_engine(self, concurrency: int) -> None:
        self.env |= {"TASKPLANE_PROCESSORS": _MODULES, "WORKER_NODE_ID": "standing"}
        self._notifier = wakeups.Notifier()
        self._apps: dict[str, App] = {}
        with self.borrowed():
            self._dispatcher = super().dispatcher()
            self._worker = super().worker(concurrency=concurrency)
            pause_schedules(self)
            cleaning.remember_rows()

    @contextmanager
    def borrowed(self) -> Iterator[None]:
        """This process's connections and wake-ups lead to the engine."""
        before = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                current_app.conf, "broker_write_url", f"redis://{self.host}:{self.port}/0"
            )
            patch.setattr(wakeups, "_notifier", self._notifier)
            try:
                for alias in connections:
                    _lead(alias, self._database)
                process_state.reset_all()
                yield
            finally:
                for alias, name in before.items():
                    _lead(alias, name)
                process_state.reset_all()

    def app(self, **env: str) -> str:
        return self.app_under("uvicorn").url

    def app_under(self, server: str) -> App:
        """The app as this server serves it."""
        if server not in self._apps:
            url = super().app(
                BODY_MAX_BYTES="1000000",
                TASKPLANE_HTTP_SERVER=server,
                EXPORTS_PER_PERSON="50",
                EXPORTS_PER_PROCESS="50",
            )
            self._apps[server] = App(url, self.apps[-1])
        return self._apps[server]

    def lend(self) -> Iterator["StandingEngine"]:
        """For a fixture: lent to one test, and tidied up after it."""
        with self.borrowed():
            for component in self._started:
                component.forget_output()
            yield self
            self.tidy_up()

    def tidy_up(self) -> None:
        """End what the test has left running, and delete its rows."""
        for schedule in Schedule.objects.exclude(source="code"):
            # Waits for a firing in progress, which a deletion of Schedule rows would not.
            schedule.periodic_task.delete()
        self.wait(self._has_ended_all, "the end of what the test has left")
        cleaning.restore_rows_beside(*_ENGINES_OWN)
        gone = [each.log.name for each in self._started if each.process.poll() is not None]
        assert not gone, f"components ended: {gone}"

    def end(self) -> None:
        super().end()
        valkey.stop(self._folder)
        self._drop_database()

    def _drop_database(self) -> None:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{self._database}" WITH (FORCE)')

    def _has_ended_all(self) -> bool:
        waiting = Task.objects.exclude(state__in=_FINAL)
        for workspace in waiting.values_list("workspace_id", flat=True).distinct():
            ids = list(waiting.filter(workspace_id=workspace).values_list("id", flat=True)[:10_000])
            cancel_tasks(workspace_id=workspace, ids=ids, actor=SYSTEM)
        return not waiting.exists()


def pause_schedules(engine: Engine) -> None:
    """Those that the product declares would submit tasks in the middle of a test. Its dispatcher
    writes them when it leads."""
    engine.wait(lambda: Schedule.objects.count() == _DECLARED_SCHEDULES, "a dispatcher that leads")
    for schedule in Schedule.objects.all():
        update_schedule(
            workspace_id=schedule.workspace_id,
            schedule_id=schedule.id,
            changes={"enabled": False},
            actor=SYSTEM,
        )


def copy_database(name: str) -> None:
    """A database like the tests' own, which must have no other connection for the moment."""
    source = connection.settings_dict["NAME"]
    connections.close_all()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [source]
        )
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')


def _lead(alias: str, database: str) -> None:
    connections[alias].close()
    connections[alias].settings_dict["NAME"] = database


class StandingEngines:
    """Those of this process, by the number of slots of their worker."""

    def __init__(self) -> None:
        self._started: dict[int, StandingEngine] = {}
        self._asked_at: dict[int, float] = {}
        self._folders: pytest.TempPathFactory | None = None
        self._database: DjangoDbBlocker | None = None

    def prepare(self, folders: pytest.TempPathFactory, database: DjangoDbBlocker) -> None:
        """What is needed to start them, and to end them between two tests."""
        self._folders, self._database = folders, database

    def get(self, concurrency: int) -> StandingEngine:
        self._asked_at[concurrency] = time.monotonic()
        if concurrency not in self._started:
            assert self._folders is not None
            folder = self._folders.mktemp("standing")
            folder.chmod(0o755)
            self._started[concurrency] = StandingEngine(
                dict(os.environ), folder, concurrency=concurrency
            )
        return self._started[concurrency]

    def end_idle(self) -> None:
        """Between two tests: end those that nobody has asked for in a while."""
        now = time.monotonic()
        self._end([n for n in self._started if now - self._asked_at[n] > _IDLE_SECONDS])

    def end_all(self) -> None:
        self._end(list(self._started))

    def _end(self, numbers: list[int]) -> None:
        if numbers:
            assert self._database is not None
            with self._database.unblock():
                for number in numbers:
                    self._started.pop(number).end()


engines = StandingEngines()
