"""The event loop, and the threads of async handlers."""

import asyncio
import concurrent.futures
import contextvars
import signal
import sys
import threading
import time

from asgiref.sync import SyncToAsync, sync_to_async

from tests.isolation.cases import async_case, case, keep, sql
from tests.isolation.connections import terminated_session


@case
def own_event_loop() -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.close()


@async_case
def cancel_all_tasks() -> None:
    for task in asyncio.all_tasks():
        task.cancel()


@async_case
def stop_loop() -> None:
    asyncio.get_running_loop().stop()


@async_case
def close_loop() -> None:
    asyncio.get_running_loop().close()


@async_case
def loop_factory_and_debug() -> None:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda *_, **__: None)  # type: ignore[arg-type, return-value]
    loop.set_exception_handler(lambda *_: None)
    loop.set_debug(True)
    loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(1))


@async_case
def loop_signal_handler() -> None:
    for number in (signal.SIGALRM, signal.SIGUSR2, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)


@async_case
async def shut_down_executor() -> None:
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.get_running_loop().shutdown_asyncgens()


@async_case
async def transaction_in_shared_thread() -> None:
    await sync_to_async(sql)("BEGIN")


@async_case
async def dead_connection_in_shared_thread() -> None:
    await sync_to_async(terminated_session)()


@async_case
async def dead_connection_in_default_executor() -> None:
    await asyncio.to_thread(terminated_session)


@async_case
async def task_left_running() -> None:
    keep.append(asyncio.ensure_future(asyncio.sleep(1)))


@async_case
async def task_that_exits() -> None:
    async def leave() -> None:
        sys.exit(5)

    keep.append(asyncio.ensure_future(leave()))
    await asyncio.sleep(0.01)


def _cancel_all() -> None:
    for task in asyncio.all_tasks():
        task.cancel()


@async_case
async def cancel_from_thread() -> None:
    loop = asyncio.get_running_loop()

    def cancel() -> None:
        loop.call_soon_threadsafe(_cancel_all)

    thread = threading.Thread(target=cancel)
    thread.start()
    thread.join()
    await asyncio.sleep(0.01)


@async_case
async def cancel_from_an_empty_context() -> None:
    asyncio.get_running_loop().call_soon(_cancel_all, context=contextvars.Context())
    await asyncio.sleep(0.01)


@async_case
async def cancel_through_what_awaits() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    group = asyncio.gather(*others, return_exceptions=True)
    group.cancel()
    await asyncio.sleep(0.01)


@async_case
async def call_left_in_a_shared_thread() -> None:
    keep.append(asyncio.ensure_future(sync_to_async(time.sleep)(30)))
    await asyncio.sleep(0.01)


@async_case
async def full_default_executor() -> None:
    loop = asyncio.get_running_loop()
    keep.extend(loop.run_in_executor(None, time.sleep, 30) for _ in range(8))
    await asyncio.sleep(0.01)


@async_case
async def executor_shut_down() -> None:
    SyncToAsync.single_thread_executor.shutdown()
