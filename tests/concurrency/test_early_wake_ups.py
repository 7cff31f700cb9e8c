"""A wake-up that is sent beside the commit of its task loses no task and starts none too early."""

import threading
from collections.abc import Iterator
from time import monotonic
from uuid import UUID

import pytest
from celery import current_app
from django.db import DatabaseError, connections, transaction

from tasks_app import wakeups
from tasks_app.execution import drain
from tasks_app.execution.drain import claim_first
from tasks_app.models import Task
from tasks_app.rows import ClaimedRow
from tasks_app.services import submit_task
from tasks_app.specs import TaskSpec
from tests.concurrency.racing import Racers
from tests.manual_worker import claim, register_node
from workers.wake_up_lists import EARLY, EARLY_SECONDS, wake_up_list

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

QUEUE = "early-queue"
# A row named bad is refused.
_REFUSE = """
CREATE FUNCTION test_early() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.name = 'bad' THEN RAISE EXCEPTION 'refused'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER test_early BEFORE INSERT ON tasks_app_task
    FOR EACH ROW EXECUTE FUNCTION test_early();
"""
_ALLOW = "DROP TRIGGER test_early ON tasks_app_task; DROP FUNCTION test_early;"


def submit(name: str = "") -> UUID:
    return submit_task(spec=TaskSpec(type="noop", queue=QUEUE, name=name or None))


class Entries:
    """The wake-ups of the queue, which no worker serves."""

    def __init__(self, client: object) -> None:
        self._client = client

    def take(self) -> list[str]:
        """All of them, the oldest first; now a slot seems to wait."""
        assert wakeups.flush()
        name = wake_up_list(QUEUE)
        found = self._client.lrange(name, 0, -1)  # type: ignore[attr-defined] # redis-py's client
        self._client.delete(name)  # type: ignore[attr-defined] # as above
        return [entry.decode() for entry in reversed(found)]


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> Iterator[Entries]:
    """After a first submission, whose wake-up was taken at once."""
    monkeypatch.setattr(wakeups, "_notifier", wakeups.Notifier())
    monkeypatch.setattr(wakeups, "EARLY_SECONDS", 60.0)
    with current_app.connection_for_write() as broker:
        channel: object = broker.default_channel
        found = Entries(channel.client)  # type: ignore[attr-defined] # kombu's channel of Redis
        found.take()  # of tests that do not look
        submit()
        assert found.take() == [QUEUE]
        Task.objects.all().delete()
        yield found
        found.take()


def test_a_quick_commit_needs_no_other_wake_up(entries: Entries) -> None:
    for _ in range(3):
        submit()
        assert entries.take() == [EARLY]


def test_a_commit_that_takes_long_is_followed_by_a_wake_up(
    entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeups, "EARLY_SECONDS", 0.0)
    submit()
    assert entries.take() == [EARLY, QUEUE]
    submit()  # the next ones take as long
    assert entries.take() == [QUEUE]


def test_a_refused_task_leaves_a_wake_up_for_nothing(entries: Entries) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(_REFUSE)
        try:
            with pytest.raises(DatabaseError, match="refused"):
                submit("bad")
            assert entries.take() == [EARLY]
            submit("good")
            assert entries.take() == [EARLY]
        finally:
            cursor.execute(_ALLOW)
    assert list(Task.objects.values_list("name", flat=True)) == ["good"]


def test_an_open_transaction_sends_none_before_its_end(entries: Entries) -> None:
    with transaction.atomic():
        submit()
        assert entries.take() == []
        transaction.set_rollback(True)
    assert entries.take() == []
    with transaction.atomic():
        submit()
        assert entries.take() == []
    assert entries.take() == [QUEUE]


def test_a_scheduled_task_wakes_nobody(entries: Entries) -> None:
    submit_task(spec=TaskSpec(type="noop", queue=QUEUE, delay_ms=60_000))
    assert entries.take() == []


def claim_early(node: int) -> list[ClaimedRow]:
    return claim_first(lambda: claim(node, queue=QUEUE), is_early=True)


class HeldCommit:
    """A task that another thread has inserted and not yet committed."""

    def __init__(self, threads: Racers) -> None:
        self._is_inserted, self._may_end = threading.Event(), threading.Event()
        self.ending = threads.start(self._insert)
        assert self._is_inserted.wait(10)
        self._is_kept = True

    def _insert(self) -> None:
        with transaction.atomic():
            submit()
            self._is_inserted.set()
            assert self._may_end.wait(10)
            transaction.set_rollback(not self._is_kept)

    def end(self, *, is_kept: bool = True) -> None:
        self._is_kept = is_kept
        self._may_end.set()
        self.ending.result(10)


def test_a_slot_that_is_woken_early_finds_the_task_once_it_is_committed(
    eight: Racers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two are woken: one of them gets it, the other looks to the end."""
    monkeypatch.setattr(drain, "EARLY_SECONDS", 1.0)
    node = register_node()
    held = HeldCommit(eight)
    looking = [eight.start(lambda: claim_early(node)) for _ in range(2)]
    assert not any(future.done() for future in looking)
    assert not Task.objects.exists()
    held.end()
    found = [future.result(20) for future in looking]
    assert sorted(map(len, found)) == [0, 1]
    assert Task.objects.get().attempt == 1


def test_a_slot_that_is_woken_for_nothing_gives_up(
    eight: Racers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "EARLY_SECONDS", 0.2)
    node = register_node()
    held = HeldCommit(eight)
    looking = eight.start(lambda: claim_early(node))
    held.end(is_kept=False)
    assert looking.result(20) == []
    assert not Task.objects.exists()


@pytest.mark.parametrize("is_early", [True, False])
def test_the_last_look_begins_after_the_time_in_which_no_other_wake_up_follows(
    is_early: bool,
) -> None:
    looks: list[float] = []

    def find_nothing() -> list[ClaimedRow]:
        looks.append(monotonic())
        return []

    began = monotonic()
    assert claim_first(find_nothing, is_early=is_early) == []
    if is_early:
        assert looks[-1] - began >= EARLY_SECONDS
    else:
        assert len(looks) == 1
