"""Submissions that arrive together share a commit, and nothing else: not an error, not a wait for
ever, not a task more or less."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connections, transaction

from controlplane.core.errors import Invalid
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import IdempotencyKey, Task
from tasks_app.services import accept_task, group_commit, submit_task
from tasks_app.services.group_commit import get_group
from tasks_app.specs import TaskSpec
from tests.concurrency.proxy import Proxy
from tests.concurrency.racing import Racers, racers
from tests.engine import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

# A row named held-… waits until the test lets it go on; one named bad… is refused.
_TRIGGER = """
CREATE FUNCTION test_group() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.name LIKE 'held-%' THEN PERFORM pg_advisory_xact_lock(hashtext(NEW.name)); END IF;
    IF NEW.name LIKE 'bad%' THEN RAISE EXCEPTION 'refused: %', NEW.name; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER test_group BEFORE INSERT ON tasks_app_task
    FOR EACH ROW EXECUTE FUNCTION test_group();
CREATE UNIQUE INDEX test_group_unique ON tasks_app_task (name) WHERE name LIKE 'only-%';
"""
_CLEAN = """
DROP TRIGGER test_group ON tasks_app_task;
DROP FUNCTION test_group;
DROP INDEX test_group_unique;
"""


class Gate:
    """Holds rows by their name, on a connection that nobody else uses."""

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with connections["engine"].cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def hold(self, name: str) -> None:
        self.run("SELECT pg_advisory_lock(hashtext(%s))", name)

    def release(self, name: str) -> None:
        self.run("SELECT pg_advisory_unlock(hashtext(%s))", name)

    def held_backends(self) -> list[int]:
        found = self.run("SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory'")
        return [pid for (pid,) in found]

    def commits(self) -> int:
        """How many transactions made the tasks that there are."""
        return int(self.run("SELECT count(DISTINCT xmin::text) FROM tasks_app_task")[0][0])


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    made.run(_TRIGGER)
    get_default_workspace_id()
    submit_task(spec=TaskSpec(type="noop"))  # makes the queue
    Task.objects.all().delete()
    try:
        yield made
    finally:
        made.run("SELECT pg_advisory_unlock_all()")
        made.run(_CLEAN)
        connections["engine"].close()


def submit(name: str) -> UUID:
    return submit_task(spec=TaskSpec(type="noop", name=name))


def wait_for_backend(gate: Gate) -> int:
    return int(wait_until(gate.held_backends, "a held INSERT")[0])


def submit_behind(
    gate: Gate, threads: Racers, held: str, names: list[str]
) -> tuple[Future[UUID], list[Future[UUID]]]:
    """`held` is being inserted, and the others wait for it, in this order."""
    gate.hold(held)
    first = threads.start(lambda: submit(held))
    wait_for_backend(gate)
    others = []
    for number, name in enumerate(names, 1):
        others.append(threads.start(lambda name=name: submit(name)))
        wait_until(lambda number=number: waiting() == number, f"{number} that wait")  # type: ignore[misc]
    return first, others


def waiting() -> int:
    return len(get_group("default")._waiting)


def outcome_of(future: Future[UUID]) -> str:
    try:
        future.result(20)
    except DatabaseError as error:
        return type(error).__name__
    return "done"


def names_of_tasks() -> list[str]:
    return sorted(Task.objects.values_list("name", flat=True))


def test_those_that_wait_share_one_commit(gate: Gate, eight: Racers) -> None:
    names = [f"task-{n}" for n in range(7)]
    first, others = submit_behind(gate, eight, "held-1", names)
    gate.release("held-1")
    ids = {future.result(20) for future in (first, *others)}
    assert ids == set(Task.objects.values_list("id", flat=True))
    assert names_of_tasks() == ["held-1", *names]
    assert gate.commits() == 2
    assert waiting() == 0


def test_a_commit_is_bounded(gate: Gate, eight: Racers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_ROWS", 3)
    first, others = submit_behind(gate, eight, "held-1", ["a", "b", "c", "d", "e", "f", "g"])
    gate.release("held-1")
    assert [outcome_of(future) for future in (first, *others)] == ["done"] * 8
    assert gate.commits() == 4  # 1, 3, 3, 1


def test_large_payloads_do_not_share_a_commit(
    gate: Gate, eight: Racers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_BYTES", 3)  # each has the two of {}
    first, others = submit_behind(gate, eight, "held-1", ["a", "b", "c"])
    gate.release("held-1")
    assert [outcome_of(future) for future in (first, *others)] == ["done"] * 4
    assert gate.commits() == 4


def test_a_bad_one_fails_alone(gate: Gate, eight: Racers) -> None:
    names = ["a", "bad-1", "only-x", "only-x", "b", "bad-2", "c"]
    first, others = submit_behind(gate, eight, "held-1", names)
    gate.release("held-1")
    assert outcome_of(first) == "done"
    outcomes = [outcome_of(future) for future in others]
    assert sorted([outcomes[2], outcomes[3]]) == ["IntegrityError", "done"]
    assert [outcomes[n] for n in (0, 4, 6)] == ["done"] * 3
    for bad in (1, 5):
        with pytest.raises(DatabaseError, match=f"refused: {names[bad]}"):
            others[bad].result()
    assert names_of_tasks() == ["a", "b", "c", "held-1", "only-x"]


def test_a_bad_leader_fails_alone(gate: Gate, eight: Racers) -> None:
    first, others = submit_behind(gate, eight, "held-1", ["bad", "a", "b"])
    gate.release("held-1")
    assert [outcome_of(future) for future in (first, *others[1:])] == ["done"] * 3
    with pytest.raises(DatabaseError, match="refused: bad"):
        others[0].result(20)
    assert names_of_tasks() == ["a", "b", "held-1"]


def test_a_connection_killed_in_the_middle_is_the_error_of_its_own_thread(
    gate: Gate, eight: Racers
) -> None:
    gate.hold("held-2")
    first, others = submit_behind(gate, eight, "held-1", ["a", "b", "held-2", "c"])
    gate.release("held-1")
    assert outcome_of(first) == "done"
    wait_until(lambda: waiting() == 0, "the second commit")
    gate.run("SELECT pg_terminate_backend(%s)", wait_for_backend(gate))
    assert [outcome_of(others[n]) for n in (0, 1, 3)] == ["OperationalError", "done", "done"]
    gate.release("held-2")
    assert outcome_of(others[2]) == "done"
    assert names_of_tasks() == ["b", "c", "held-1", "held-2"]


def test_a_commit_whose_answer_is_lost_is_not_made_twice(gate: Gate, eight: Racers) -> None:
    """The leader does not know, and says so; the others find what they had asked for."""
    with Proxy(int(connections["default"].settings_dict["PORT"])) as proxy, racers(1) as one:
        one.race(lambda: lead_through(proxy))
        gate.hold("held-1")
        first = eight.start(lambda: submit("held-1"))
        wait_for_backend(gate)
        led = one.start(lambda: submit("led"))
        wait_until(lambda: waiting() == 1, "the next leader")
        followers = [eight.start(lambda: submit("follower")) for _ in range(3)]
        wait_until(lambda: waiting() == 4, "its followers")
        proxy.lose_reply_to = b"follower"
        gate.release("held-1")
        assert outcome_of(led) == "OperationalError"
        assert [outcome_of(future) for future in (first, *followers)] == ["done"] * 4
        assert proxy.cuts == 1
        one.race(leave_proxy)
    assert names_of_tasks() == ["follower"] * 3 + ["held-1", "led"]
    made = Task.objects.filter(name="follower").values_list("id", flat=True)
    assert set(made) == {future.result() for future in followers}
    assert gate.commits() == 2


def lead_through(proxy: Proxy) -> None:
    """This thread's connection goes through the proxy."""
    connection = connections["default"]
    connection.close()
    options = {**connection.settings_dict["OPTIONS"], "sslmode": "disable"}
    connection.settings_dict = {
        **connection.settings_dict,
        "HOST": "127.0.0.1",
        "PORT": str(proxy.port),
        "OPTIONS": options,
    }
    connection.ensure_connection()


def leave_proxy() -> None:
    connections["default"].close()
    del connections["default"]


class _InterruptedError(BaseException):
    """As a time limit interrupts a handler."""


def test_an_interrupted_leader_leaves_nobody_waiting(gate: Gate, eight: Racers) -> None:
    """The main thread leads, as a handler does that a time limit ends; its INSERT goes on."""

    def interrupt(*_: object) -> None:
        raise _InterruptedError

    def follow_and_interrupt() -> list[Future[UUID]]:
        wait_until(lambda: waiting() == 1, "the main thread")
        started = [eight.start(lambda n=n: submit(n)) for n in ("held-2", "a", "b")]  # type: ignore[misc]
        wait_until(lambda: waiting() == 4, "its followers")
        gate.release("held-1")
        wait_until(lambda: waiting() == 0 and gate.held_backends(), "the second commit")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
        return started

    before = signal.signal(signal.SIGALRM, interrupt)
    gate.hold("held-2")
    try:
        with racers(1) as holder:
            holder.race(lambda: gate.hold("held-1"))
            first = eight.start(lambda: submit("held-1"))
            wait_for_backend(gate)
            following = holder.start(follow_and_interrupt)
            with pytest.raises(_InterruptedError):
                submit("interrupted")
            followers = following.result(20)
    finally:
        signal.signal(signal.SIGALRM, before)
        connections["default"].close()
    gate.release("held-2")
    assert [outcome_of(future) for future in (first, *followers)] == ["done"] * 4
    assert names_of_tasks() == ["a", "b", "held-1", "held-2", "interrupted"]


def test_nobody_waits_for_a_stuck_leader(
    gate: Gate, eight: Racers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_PATIENCE_SECONDS", 0.3)
    first, others = submit_behind(gate, eight, "held-1", ["a", "b"])
    assert [outcome_of(future) for future in others] == ["done"] * 2
    assert not first.done()
    monkeypatch.setattr(group_commit, "_PATIENCE_SECONDS", 20)
    began = time.monotonic()
    assert outcome_of(eight.start(lambda: submit("c"))) == "done"
    assert time.monotonic() - began < 10  # it did not wait for the one that is stuck
    gate.release("held-1")
    assert outcome_of(first) == "done"
    assert names_of_tasks() == ["a", "b", "c", "held-1"]


def test_an_open_transaction_is_joined_and_shared_with_nobody(gate: Gate, eight: Racers) -> None:
    gate.hold("held-1")

    def submit_and_give_up() -> None:
        with transaction.atomic():
            submit("held-1")
            transaction.set_rollback(True)

    holding = eight.start(submit_and_give_up)
    wait_for_backend(gate)
    assert outcome_of(eight.start(lambda: submit("free"))) == "done"
    gate.release("held-1")
    holding.result(20)
    assert names_of_tasks() == ["free"]


def test_without_autocommit_nothing_is_shared() -> None:
    transaction.set_autocommit(False)
    try:
        assert not group_commit.may_share(connections["default"])
    finally:
        transaction.set_autocommit(True)
    assert group_commit.may_share(connections["default"])


def test_a_forked_child_waits_for_nobody(gate: Gate, eight: Racers) -> None:
    first, others = submit_behind(gate, eight, "held-1", ["a"])
    child = os.fork()
    if not child:
        group = get_group("default")
        is_free = group._leader is None and not group._waiting and not group._lock.locked()
        os._exit(0 if is_free else 1)
    _, status = os.waitpid(child, 0)
    gate.release("held-1")
    assert os.waitstatus_to_exitcode(status) == 0
    assert [outcome_of(future) for future in (first, *others)] == ["done"] * 2


def test_good_bad_and_keyed_ones_all_at_once(gate: Gate, eight: Racers) -> None:
    """Rounds of eight: three good ones, two refused ones, one unknown type, one key twice."""
    workspace = get_default_workspace_id()

    def attempt(spec: TaskSpec) -> str:
        try:
            accept_task(workspace_id=workspace, spec=spec)
        except (DatabaseError, Invalid) as error:
            return type(error).__name__
        return "done"

    for number in range(12):
        key = TaskSpec(type="noop", name="keyed", idempotency_key=f"key-{number}")
        specs = [
            *[TaskSpec(type="noop", name="good")] * 3,
            *[TaskSpec(type="noop", name="bad")] * 2,
            TaskSpec(type="no-such-type"),
            *[key] * 2,
        ]
        outcomes = eight.race(*[lambda spec=spec: attempt(spec) for spec in specs])  # type: ignore[misc]
        assert outcomes[:3] == ["done"] * 3
        assert not {"done", "Invalid"} & set(outcomes[3:5])
        assert outcomes[5:] == ["Invalid", "done", "done"]
    assert names_of_tasks() == ["good"] * 36 + ["keyed"] * 12
    assert IdempotencyKey.objects.count() == 12
