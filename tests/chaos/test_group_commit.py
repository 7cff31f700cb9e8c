"""The app or Postgres dies by kill -9 while submissions share commits: nothing acknowledged is
lost, nothing is there twice, and a bad one fails alone."""

import itertools
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import psutil
import pytest
from django.db import connection, connections

from controlplane.embedded import postgres, processes
from tasks_app.models import Task
from tests.chaos.servers import PrivatePostgres
from tests.chaos.test_http_outages import client_of
from tests.concurrency.proxy import Proxy
from tests.engine import Component, Engine, wait_until

CLIENTS = 8
GATE = 4711
# Each insertion passes a gate that the test can close, at the row or at the commit.
_TRIGGER = f"""
CREATE FUNCTION test_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.name LIKE 'bad-%' THEN RAISE EXCEPTION 'refused' USING ERRCODE = '22023'; END IF;
    IF TG_ARGV[0] = 'wait' THEN PERFORM pg_advisory_xact_lock_shared({GATE}); END IF;
    RETURN NEW;
END $$;
"""
_AT_ROW = (
    "CREATE TRIGGER test_gate BEFORE INSERT ON tasks_app_task"
    " FOR EACH ROW EXECUTE FUNCTION test_gate('{wait}')"
)
_AT_COMMIT = (
    "CREATE CONSTRAINT TRIGGER test_gate_end AFTER INSERT ON tasks_app_task"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION test_gate('wait')"
)


@dataclass
class Ledger:
    """What clients were answered."""

    acknowledged: dict[str, UUID] = field(default_factory=dict)
    keyed: dict[str, UUID] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Against the rows that there are."""
        assert self.wrong == []
        rows = list(Task.objects.filter(type="noop").values_list("name", "id"))
        counts = Counter(name for name, _ in rows)
        assert {name: n for name, n in counts.items() if n > 1} == {}
        found = dict(rows)
        for name, task in {**self.acknowledged, **self.keyed}.items():
            assert found.get(name) == task, f"{name} was acknowledged"
        assert not [name for name in found if name.startswith("bad-")]


class Load:
    """Clients that submit all the time, to whatever app there is: plain, keyed and bad tasks."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.ledger = Ledger()
        self._ends = threading.Event()
        self._threads = [
            threading.Thread(target=self._submit_all, args=(number,)) for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> Ledger:
        self._ends.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        return self.ledger

    def _submit_all(self, client: int) -> None:
        for number in itertools.count():
            if self._ends.is_set():
                return
            kind = ("plain", "bad", "plain", "keyed")[number % 4]
            # Two clients use the same keys, for the same bodies.
            name = f"{kind}-{client // 2 if kind == 'keyed' else client}-{number}"
            self._submit(name, kind)

    def _submit(self, name: str, kind: str) -> None:
        body = {"type": "noop", "name": name}
        if kind == "keyed":
            body["idempotencyKey"] = name
        answer = self._post(body)
        while kind == "keyed" and (answer is None or answer.status_code == 503):
            time.sleep(0.05)
            answer = self._post(body)
        if answer is None:
            time.sleep(0.05)
            return
        ledger = self.ledger
        ledger.statuses[answer.status_code] += 1
        if answer.status_code in (200, 201):
            kept = ledger.keyed if kind == "keyed" else ledger.acknowledged
            task = UUID(answer.json()["id"])
            if kept.setdefault(name, task) != task:
                ledger.wrong.append(f"{name} has two ids")
        expected = {"bad": (422, 503)}.get(kind, (200, 201, 503))
        if answer.status_code not in expected:
            ledger.wrong.append(f"{name}: {answer.status_code} {answer.text[:200]}")

    def _post(self, body: dict[str, str]) -> httpx.Response | None:
        try:
            return self.client.post("/tasks", json=body)
        except httpx.TransportError:
            return None


class Plant:
    """The app on the private Postgres, what kills both, and the gate."""

    def __init__(self, engine: Engine, server: PrivatePostgres) -> None:
        self._engine, self._server = engine, server
        self.load = Load(client_of(engine.app()))

    @property
    def app(self) -> Component:
        return self._engine.apps[-1]

    def close_gate(self) -> None:
        self._run("SELECT pg_advisory_lock(%s)")

    def let_one_commit_pass(self) -> None:
        """What waited for it is then in the next one."""
        self._run("SELECT pg_advisory_unlock(%s), pg_advisory_lock(%s)", 2)

    def wait_for_commit(self) -> None:
        """Until an insertion stands at the gate."""
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND %s > 0"
        wait_until(lambda: self._run(waits), "an insertion at the gate")

    def kill(self, victim: str) -> None:
        if victim == "app":
            self.app.kill()
            self._run("SELECT pg_advisory_unlock(%s)")
            self.load.client.base_url = self._engine.app()
        else:
            kill_postgres(self._server)
            connections.close_all()
            self._server.start()

    def wait_for_answers(self, count: int) -> None:
        statuses = self.load.ledger.statuses
        wanted = statuses[201] + count
        wait_until(lambda: statuses[201] >= wanted, f"{count} answers", 60)

    def _run(self, statement: str, values: int = 1) -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement, [GATE] * values)
            return int(cursor.fetchone()[0] or 0)


def kill_postgres(server: PrivatePostgres) -> None:
    """kill -9 of one backend that works, after which the server restarts, and of the server."""
    pid = postgres.pid(server.state)
    assert pid is not None
    process = psutil.Process(pid)
    backends = process.children()
    os.kill(pid, signal.SIGKILL)
    for backend in backends:
        if backend.is_running():
            backend.kill()
    wait_until(lambda: processes.is_over(process), "the end of Postgres", 10)
    psutil.wait_procs(backends, timeout=10)


@pytest.fixture
def start(
    database_chaos: Engine, private_postgres: PrivatePostgres
) -> Iterator[Callable[..., Plant]]:
    """Starts the load; ends it when the test fails."""
    started: list[Plant] = []

    def start(*statements: str) -> Plant:
        with connection.cursor() as cursor:
            for statement in (_TRIGGER, *statements):
                cursor.execute(statement)
        started.append(Plant(database_chaos, private_postgres))
        return started[-1]

    yield start
    for plant in started:
        plant.load.end()
        plant.load.client.close()


@pytest.mark.parametrize("victim", ["app", "postgres"])
@pytest.mark.parametrize("stage", ["insert", "commit"])
def test_a_kill_between_arrival_and_commit(
    start: Callable[..., Plant], stage: str, victim: str
) -> None:
    wait = {"insert": ["wait"], "commit": ["no", "wait"]}[stage]
    statements = [_AT_ROW.format(wait=wait[0]), *([_AT_COMMIT] if stage == "commit" else [])]
    plant = start(*statements)
    plant.wait_for_answers(10)
    plant.close_gate()
    plant.wait_for_commit()
    plant.let_one_commit_pass()  # all others have come: now they share a commit
    plant.wait_for_commit()
    plant.kill(victim)
    plant.wait_for_answers(10)
    ledger = plant.load.end()
    print(dict(ledger.statuses))
    ledger.check()


@pytest.mark.parametrize("victim", ["app", "postgres"])
def test_a_kill_between_commit_and_answer(
    start: Callable[..., Plant], database_chaos: Engine, victim: str
) -> None:
    """The answer of Postgres is cut off, and at that moment the victim dies."""
    url = database_chaos.env["DATABASE_URL"]
    port = urlsplit(url).port
    assert port is not None
    with Proxy(port) as proxy:
        database_chaos.env["DATABASE_URL"] = url.replace(f":{port}/", f":{proxy.port}/")
        plant = start(_AT_ROW.format(wait="no"))
        for _ in range(3):
            plant.wait_for_answers(10)
            cuts = proxy.cuts
            proxy.lose_reply_to = b'"plain-'
            wait_until(lambda cuts=cuts: proxy.cuts > cuts, "a lost answer")  # type: ignore[misc]
            plant.kill(victim)
        plant.wait_for_answers(10)
        ledger = plant.load.end()
    print(dict(ledger.statuses))
    ledger.check()


def test_kills_at_any_moment(start: Callable[..., Plant]) -> None:
    plant = start(_AT_ROW.format(wait="no"))
    for number in range(6):
        plant.wait_for_answers(40 + 7 * number)
        plant.kill("app" if number % 2 else "postgres")
    plant.wait_for_answers(40)
    ledger = plant.load.end()
    print(dict(ledger.statuses), len(ledger.acknowledged), len(ledger.keyed))
    ledger.check()
