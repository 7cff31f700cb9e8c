"""The servers go away and come back: what was acknowledged is done, and nobody who lives is
declared dead."""

import threading
import time
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from celery import current_app
from django.db import Error, connection, connections

from tasks_app import wakeups
from tasks_app.models import Task, TaskAttempt
from tasks_app.services import submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.chaos.ledger import check_ledger, executions, open_tasks
from tests.chaos.servers import PrivatePostgres, PrivateValkey
from tests.engine import Engine
from workers.models import Node

pytestmark = pytest.mark.chaos


class Submitter(threading.Thread):
    """Submits one task after the other; `acknowledged` holds those that were answered."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._spec = TaskSpec(type="test-work", payload={"ms": 10, "folder": str(folder)})
        self._ends = threading.Event()
        self.acknowledged: list[UUID] = []
        self.refused = 0

    def run(self) -> None:
        while not self._ends.is_set():
            try:
                self.acknowledged.append(submit_task(spec=self._spec))
            except (Error, psycopg.Error):
                self.refused += 1
                connection.close()
                time.sleep(0.05)
            time.sleep(0.005)
        connections.close_all()

    def end(self) -> list[UUID]:
        self._ends.set()
        self.join(30)
        return self.acknowledged


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    folder = tmp_path / "traces"
    folder.mkdir()
    return folder


def check_that_the_living_were_spared() -> None:
    assert not TaskAttempt.objects.filter(outcome="LOST").exists()
    assert not Node.objects.exclude(state="ACTIVE").exists()


def test_a_database_that_crashes_mid_drain_loses_nothing(
    database_chaos: Engine, private_postgres: PrivatePostgres, traces: Path
) -> None:
    database_chaos.dispatcher()
    database_chaos.worker(concurrency=2)
    submitter = Submitter(traces)
    submitter.start()
    for _ in range(2):
        time.sleep(1.2)
        private_postgres.be_away(0.3)
        time.sleep(1.0)
        connections.close_all()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    ids = submitter.end()
    database_chaos.wait(lambda: not open_tasks(ids), "the end of what was acknowledged")
    check_ledger(ids)
    check_that_the_living_were_spared()
    made = Task.objects.filter(type="test-work").count()  # a dispatcher fires shipped schedules too
    again = sum(executions(traces).values()) - made
    print(f"{len(ids)} acknowledged, {submitter.refused} refused, re-executed {again}")
    assert submitter.refused > 0
    assert len(ids) > 100
    # A COMMIT whose answer was lost may have made a task that was never acknowledged.
    assert made <= len(ids) + submitter.refused


def test_an_outage_longer_than_the_lease_leaves_nobody_running_for_ever(
    database_chaos: Engine, private_postgres: PrivatePostgres, traces: Path
) -> None:
    """By then the pool children have given up; their agent settles what they held."""
    database_chaos.dispatcher(TASKPLANE_LEASE_SECONDS="1")
    database_chaos.worker(concurrency=2, TASKPLANE_LEASE_SECONDS="1", HEARTBEAT_INTERVAL="100")
    payload = {"ms": 10, "folder": str(traces)}
    ids = submit_tasks(specs=[TaskSpec(type="test-work", payload=payload)] * 600)
    database_chaos.wait(lambda: open_tasks(ids) < 500, "work under way")
    private_postgres.be_away(4)
    connections.close_all()
    database_chaos.wait(lambda: not open_tasks(ids), "the end of all tasks")
    check_ledger(ids)
    again = sum(executions(traces).values()) - len(ids)
    print(f"re-executed {again}, nodes {list(Node.objects.values_list('state', flat=True))}")


def test_flushing_redis_loses_and_repeats_nothing(
    chaos: Engine, private_valkey: PrivateValkey, traces: Path
) -> None:
    chaos.dispatcher()
    chaos.worker(concurrency=2)
    payload = {"ms": 5, "folder": str(traces)}
    ids = submit_tasks(specs=[TaskSpec(type="test-work", payload=payload)] * 800)
    flushes = 0
    while open_tasks(ids):
        private_valkey.client().flushall()
        flushes += 1
        assert flushes < 100
        time.sleep(0.25)
    check_ledger(ids)
    assert set(executions(traces).values()) == {1}
    assert flushes >= 4
    check_that_the_living_were_spared()


@pytest.fixture
def rings_private(private_valkey: PrivateValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wake-ups that this process rings go to the private Valkey."""
    host, port, _ = private_valkey.env().values()
    monkeypatch.setattr(current_app.conf, "broker_write_url", f"redis://{host}:{port}/0")
    monkeypatch.setattr(wakeups, "_notifier", wakeups.Notifier())


@pytest.mark.usefixtures("rings_private")
def test_a_frozen_redis_delays_no_submission(
    chaos: Engine, private_valkey: PrivateValkey, traces: Path
) -> None:
    chaos.dispatcher()
    chaos.worker(concurrency=2)
    chaos.wait_for(submit_task(spec=TaskSpec(type="noop")))
    spec = TaskSpec(type="test-work", payload={"ms": 5, "folder": str(traces)})
    private_valkey.freeze()
    seconds, ids = [], []
    frozen = time.monotonic()
    while time.monotonic() - frozen < 5:
        began = time.perf_counter()
        ids.append(submit_task(spec=spec))
        seconds.append(time.perf_counter() - began)
        time.sleep(0.02)
    private_valkey.thaw()
    thawed = time.monotonic()
    assert sorted(seconds)[int(len(seconds) * 0.99)] < 0.1
    assert max(seconds) < 0.5
    chaos.wait(lambda: not open_tasks(ids), "the work to resume", 15)
    print(
        f"{len(ids)} submitted while frozen, slowest {max(seconds) * 1000:.1f} ms, "
        f"all done {time.monotonic() - thawed:.1f} s after the thaw"
    )
    check_ledger(ids)
    assert set(executions(traces).values()) == {1}


def test_a_redis_that_stays_away_costs_no_node_its_life(
    chaos: Engine, private_valkey: PrivateValkey, traces: Path
) -> None:
    """Longer than a lease, and than the pause between two canaries."""
    chaos.dispatcher()
    chaos.worker(concurrency=2)
    private_valkey.kill()
    spec = TaskSpec(type="test-work", payload={"ms": 5, "folder": str(traces)})
    ids = submit_tasks(specs=[spec] * 100)
    time.sleep(12)
    private_valkey.start()
    began = time.monotonic()
    chaos.wait(lambda: not open_tasks(ids), "the work to resume")
    print(f"all done {time.monotonic() - began:.1f} s after Redis came back")
    check_ledger(ids)
    check_that_the_living_were_spared()
