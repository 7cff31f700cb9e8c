"""The process, its signals, timers, threads and children."""

import asyncio
import builtins
import concurrent.futures
import decimal
import faulthandler
import gc
import locale
import logging
import multiprocessing
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from multiprocessing.connection import Connection
from typing import Any

from django.utils import timezone, translation

from tests.isolation.cases import case, sql


@case
def working_directory() -> None:
    os.chdir("/")


@case
def removed_working_directory() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)


@case
def environment() -> None:
    os.environ["PATH"] = "/nowhere"
    os.environ["LEFT_OVER"] = "1"
    del os.environ["HOME"]


@case
def replaced_environment() -> None:
    os.environ = {}  # type: ignore[assignment] # noqa: B003 - on purpose


@case
def time_zone() -> None:
    os.environ["TZ"] = "Asia/Kolkata"
    time.tzset()


@case
def umask() -> None:
    os.umask(0o777)


@case
def recursion_limit() -> None:
    depth = 30
    while True:
        try:
            sys.setrecursionlimit(depth)
        except RecursionError:
            depth += 1
        else:
            return


@case
def socket_timeout() -> None:
    socket.setdefaulttimeout(0.000001)


@case
def locale_category() -> None:
    locale.setlocale(locale.LC_ALL, "C.UTF-8")


@case
def resource_limit() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (8, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


@case
def scheduling_priority() -> None:
    os.nice(5)


@case
def switch_interval() -> None:
    sys.setswitchinterval(1000)


@case
def integer_digits() -> None:
    sys.set_int_max_str_digits(640)


@case
def collector_off() -> None:
    gc.disable()


@case
def trace_and_profile() -> None:
    def refuse(*_: Any) -> None:
        raise ValueError("left over")

    threading.settrace(None)  # type: ignore[arg-type]
    sys.setprofile(lambda *_: None)
    sys.settrace(lambda *_: None)


@case
def decimal_context() -> None:
    decimal.getcontext().prec = 1


@case
def warnings_as_errors() -> None:
    warnings.simplefilter("error")


@case
def logging_off() -> None:
    logging.disable(logging.CRITICAL)
    logging.getLogger().handlers.clear()


@case
def module_path() -> None:
    sys.path.clear()


@case
def patched_time() -> None:
    time.time = lambda: 0.0
    time.monotonic = lambda: 0.0
    time.sleep = lambda _: None


@case
def patched_builtins() -> None:
    builtins.isinstance = lambda *_: False


@case
def closed_standard_streams() -> None:
    sys.stdout = sys.stderr = None  # type: ignore[assignment]


# Signals and timers


@case
def ignored_signals() -> None:
    for number in (signal.SIGALRM, signal.SIGUSR2, signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@case
def blocked_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGUSR2})


@case
def timer() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)


@case
def stopped_timer() -> None:
    signal.alarm(0)


# Processes and threads


@case
def forked_child_returns() -> None:
    os.fork()


@case
def forked_child_exits() -> None:
    if os.fork() == 0:
        sys.exit(0)


@case
def forked_child_raises() -> None:
    if os.fork() == 0:
        raise ValueError("in the child")


@case
def process_pool() -> None:
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        assert list(pool.map(abs, [-1, -2])) == [1, 2]


@case
def multiprocessing_pool() -> None:
    with multiprocessing.Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]


_ends_children: list[bool] = []


def _end_if_asked() -> None:
    if _ends_children:
        os.kill(os.getpid(), signal.SIGTERM)


os.register_at_fork(after_in_child=_end_if_asked)


@case
def child_terminated_as_it_starts() -> None:
    _ends_children.append(True)
    try:
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
    finally:
        _ends_children.clear()
    child.join(10)
    assert child.exitcode == -signal.SIGTERM


def _report_from_orm(to: Connection) -> None:
    sql("SELECT 1")
    to.send("answered")


@case
def multiprocessing_child_with_orm() -> None:
    sql("SELECT 1")
    context = multiprocessing.get_context("fork")
    answers, to = context.Pipe(duplex=False)
    child = context.Process(target=_report_from_orm, args=(to,))
    child.start()
    child.join(20)
    assert answers.poll()
    assert answers.recv() == "answered"
    # Forked by a thread of an executor, a child that has done its work ends with 1, also outside of
    # a worker: Python has it wait for the executor's threads, of which it is one.
    assert child.exitcode == 0 or threading.current_thread() is not threading.main_thread()


@case
def thread_left_running() -> None:
    threading.Thread(target=time.sleep, args=(2,), daemon=True).start()


@case
def deleted_function() -> None:
    del time.sleep


@case
def deleted_builtin() -> None:
    builtins.zip = None  # type: ignore[assignment, misc]


@case
def object_that_cannot_be_compared() -> None:
    class Evil:
        def __eq__(self, other: object) -> bool:
            raise SystemExit(3)

        __hash__ = None  # type: ignore[assignment]

    sys.path.insert(0, Evil())  # type: ignore[arg-type]


@case
def log_filter_that_raises() -> None:
    def refuse(_: object) -> bool:
        raise ValueError("left over")

    logging.getLogger("tasks_app.execution.isolation.guard").addFilter(refuse)
    os.umask(0o777)


@case
def running_loop() -> None:
    asyncio._set_running_loop(asyncio.new_event_loop())


@case
def interval_timers() -> None:
    signal.signal(signal.SIGPROF, lambda *_: None)
    signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)
    signal.signal(signal.SIGVTALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.01, 0.01)


@case
def delayed_traceback() -> None:
    faulthandler.dump_traceback_later(0.1, exit=True)


@case
def decimal_traps() -> None:
    decimal.getcontext().traps[decimal.Inexact] = True
    decimal.getcontext().Emax = 5


@case
def active_language_and_zone() -> None:
    translation.activate("de")
    timezone.activate("Asia/Kolkata")


@case
def collector_hooks() -> None:
    gc.callbacks.append(lambda *_: 1 / 0)
    gc.set_debug(gc.DEBUG_STATS)


@case
def import_system() -> None:
    sys.meta_path.clear()
