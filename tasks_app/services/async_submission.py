"""Submission from async code: the tasks that arrive together in an event loop make one visit to
the thread that has its database connections, and are committed together.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from asgiref.sync import AsyncToSync, SyncToAsync, sync_to_async

from tasks_app.services.group_commit import MAX_ROWS
from tasks_app.services.submission import Asked, is_plain, submit_each, submit_task
from tasks_app.specs import TaskSpec

_Waiting = list[tuple[Asked, "asyncio.Future[UUID]"]]

_waiting: dict[tuple[Any, ...], _Waiting] = {}
_visits: set["asyncio.Task[None]"] = set()  # a loop keeps only weak references


async def asubmit_task(
    *,
    workspace_id: UUID | None = None,
    spec: TaskSpec,
    using: str = "default",
    on_conflict: Literal["raise", "new"] = "raise",
    submitter: str | None = None,
) -> UUID:
    """As submit_task, for async code. It joins the transaction that is open on `using` in the
    thread of `sync_to_async`. A call that is cancelled may have submitted its task.
    """
    if not is_plain(spec):
        return await sync_to_async(submit_task)(
            workspace_id=workspace_id,
            spec=spec,
            using=using,
            on_conflict=on_conflict,
            submitter=submitter,
        )
    loop = asyncio.get_running_loop()
    key = (loop, *_thread_of_this_context(), using)
    answer: asyncio.Future[UUID] = loop.create_future()
    asked = workspace_id, spec, submitter
    if key in _waiting:
        _waiting[key].append((asked, answer))
    else:
        _waiting[key] = [(asked, answer)]
        visit = loop.create_task(_visit(key, using))
        _visits.add(visit)
        visit.add_done_callback(_visits.discard)
    return await answer


def _thread_of_this_context() -> tuple[Any, Any]:
    """What decides in which thread `sync_to_async` runs. A call must not wait for a visit to a
    thread that may be waiting for the call."""
    return (
        getattr(AsyncToSync.executors, "current", None),
        SyncToAsync.thread_sensitive_context.get(None),
    )


async def _visit(key: tuple[Any, ...], using: str) -> None:
    """Submit what waits, until nothing does."""
    waiting = _waiting[key]
    group: _Waiting = []
    try:
        while waiting:
            group = [each for each in waiting[:MAX_ROWS] if not each[1].done()]
            del waiting[:MAX_ROWS]
            _answer(group, await sync_to_async(submit_each)([asked for asked, _ in group], using))
    except Exception as error:  # noqa: BLE001 - raised by every call that waits
        _answer([*group, *waiting], [error] * (len(group) + len(waiting)))
    finally:
        del _waiting[key]
        for _, answer in (*group, *waiting):
            answer.cancel()  # of no importance for one that has its answer


def _answer(group: _Waiting, answers: Sequence[UUID | BaseException]) -> None:
    for (_, future), answer in zip(group, answers, strict=True):
        if future.done():  # its call was cancelled
            continue
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)
