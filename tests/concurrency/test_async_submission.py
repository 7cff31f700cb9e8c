"""Submissions of an event loop: each its own answer, few visits to the database."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connection, connections, transaction

from controlplane.core.errors import Conflict, Invalid
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import Task
from tasks_app.services import asubmit_task, async_submission, submit_task
from tasks_app.specs import TaskSpec

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def noop(**fields: Any) -> TaskSpec:
    return TaskSpec(type="noop", **fields)


def gather(*calls: Coroutine[Any, Any, UUID]) -> list[Any]:
    async def run() -> list[Any]:
        return await asyncio.gather(*calls, return_exceptions=True)

    return async_to_sync(run)()


def commits() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT xmin::text) FROM tasks_app_task")
        return int(cursor.fetchone()[0])


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Any:
    get_default_workspace_id()
    yield
    assert not async_submission._waiting


def test_those_that_arrive_together_share_commits() -> None:
    ids = gather(*[asubmit_task(spec=noop(name=f"task {n}")) for n in range(250)])
    assert Task.objects.filter(id__in=ids).count() == 250
    assert [Task.objects.get(id=ids[n]).name for n in (0, 249)] == ["task 0", "task 249"]
    assert commits() <= 4


def test_a_bad_one_fails_alone() -> None:
    good, bad, late, keyed, other = gather(
        asubmit_task(spec=noop()),
        asubmit_task(spec=TaskSpec(type="no-such-type")),
        asubmit_task(spec=noop(priority=1_000)),
        asubmit_task(spec=noop(idempotency_key="one")),
        asubmit_task(spec=noop(), workspace_id=get_default_workspace_id()),
    )
    assert isinstance(bad, Invalid)
    assert isinstance(late, Invalid)
    assert {task.id for task in Task.objects.all()} == {good, keyed, other}


def test_a_key_and_parents_are_as_in_submit_task() -> None:
    parent = submit_task(spec=noop())
    child, first, again, other = gather(
        asubmit_task(spec=noop(depends_on=[parent])),
        asubmit_task(spec=noop(idempotency_key="one")),
        asubmit_task(spec=noop(idempotency_key="one")),
        asubmit_task(spec=noop(idempotency_key="one", priority=5)),
    )
    assert Task.objects.get(id=child).state == "BLOCKED"
    assert first == again
    assert isinstance(other, Conflict)


def test_it_joins_the_open_transaction() -> None:
    with transaction.atomic():
        ids = gather(asubmit_task(spec=noop()), asubmit_task(spec=noop()))
        assert Task.objects.filter(id__in=ids).count() == 2
        transaction.set_rollback(True)
    assert not Task.objects.exists()


def test_a_loop_without_a_thread_of_django() -> None:
    async def run() -> list[UUID]:
        return await asyncio.gather(*[asubmit_task(spec=noop()) for _ in range(20)])

    try:
        ids = asyncio.run(run())
        assert Task.objects.filter(id__in=ids).count() == 20
    finally:
        asyncio.run(sync_to_async(connections.close_all)())


def test_a_call_below_a_waiting_thread_does_not_wait_for_that_thread() -> None:
    """The thread of a visit may be taken by a function that itself waits for a submission."""

    def nested() -> UUID:
        return async_to_sync(asubmit_task)(spec=noop(name="nested"))

    async def run() -> list[UUID]:
        inner = asyncio.ensure_future(sync_to_async(nested)())
        outer = [asubmit_task(spec=noop(name="outer")) for _ in range(3)]
        return await asyncio.wait_for(asyncio.gather(inner, *outer), 20)

    assert len(set(async_to_sync(run)())) == 4
    assert Task.objects.count() == 4


def test_who_gives_up_keeps_nobody_waiting() -> None:
    async def run() -> list[Any]:
        calls = [asyncio.ensure_future(asubmit_task(spec=noop(name=str(n)))) for n in range(6)]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = async_to_sync(run)()
    assert [isinstance(each, asyncio.CancelledError) for each in answers] == [True, False] * 3
    assert Task.objects.filter(id__in=answers[1::2]).count() == 3


def test_the_sync_call_is_refused_in_a_loop() -> None:
    async def run() -> None:
        submit_task(spec=noop(), workspace_id=get_default_workspace_id())

    submit_task(spec=noop())
    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(run())
