"""How the parts of a process's state that `process_state` watches are read and set again."""

import builtins
import datetime
import decimal
import gc
import json
import logging
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
import warnings
from typing import Any

LIMITS = (
    "RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE",
    "RLIMIT_NPROC", "RLIMIT_STACK",
)  # fmt: skip
SIGNALS = (
    signal.SIGALRM, signal.SIGCHLD, signal.SIGCONT, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE,
    signal.SIGPROF, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGVTALRM, signal.SIGWINCH, signal.SIGXCPU,
)  # fmt: skip
# Functions that tests and tools replace for a while, and sometimes forget.
PATCHED: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (time, ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep", "localtime")),
    (datetime, ("datetime", "date")),
    (os, ("getpid", "fork", "urandom", "getenv", "kill", "open", "environ", "_exit")),
    (socket, ("socket", "getaddrinfo", "create_connection")),
    (threading, ("Thread", "Lock", "current_thread", "excepthook")),
    (subprocess, ("Popen", "run")),
    (json, ("dumps", "loads")),
    (random, ("random", "choice", "uniform")),
    (uuid, ("uuid4",)),
    (logging, ("getLogger",)),
    (sys, ("stdin", "stdout", "stderr", "excepthook", "unraisablehook")),
    (builtins, ("open", "print", "input", "len", "isinstance", "__import__", "__build_class__")),
)
TIMERS = (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


def wakeup_descriptor() -> int:
    if threading.current_thread() is not threading.main_thread():
        return -1
    descriptor = signal.set_wakeup_fd(-1)
    if descriptor >= 0:
        signal.set_wakeup_fd(descriptor)
    return descriptor


def set_collector(value: tuple[bool, int, int, int]) -> None:
    is_on, *thresholds = value
    gc.set_threshold(*thresholds)
    if is_on:
        gc.enable()
    else:
        gc.disable()


def set_decimal_context(value: tuple[Any, ...]) -> None:
    context = decimal.getcontext()
    context.prec, context.rounding, context.Emin, context.Emax, traps = value
    context.traps.update(traps)


def stop_timers(_: object) -> None:
    for which in TIMERS:
        signal.setitimer(which, 0)


def set_collector_hooks(value: tuple[int, tuple[Any, ...]]) -> None:
    gc.set_debug(value[0])
    gc.callbacks[:] = value[1]


def set_meta_path(finders: tuple[Any, ...]) -> None:
    sys.meta_path[:] = finders


def set_signals(handlers: tuple[Any, ...]) -> None:
    for number, handler in zip(SIGNALS, handlers, strict=True):
        if handler is not None and signal.getsignal(number) != handler:
            signal.signal(number, handler)


def set_limits(limits: tuple[tuple[int, int], ...]) -> None:
    for name, (soft, hard) in zip(LIMITS, limits, strict=True):
        resource.setrlimit(getattr(resource, name), (soft, hard))


def set_warning_filters(filters: tuple[Any, ...]) -> None:
    warnings.resetwarnings()  # also resets the modules' records of shown warnings
    warnings.filters[:] = filters  # type: ignore[index]


def set_logging(value: tuple[int, bool, tuple[logging.Handler, ...], int]) -> None:
    root = logging.getLogger()
    root.setLevel(value[0])
    root.disabled = value[1]
    root.handlers[:] = value[2]
    logging.disable(value[3])


def set_path(path: tuple[str, ...]) -> None:
    sys.path[:] = path


def set_functions(functions: tuple[Any, ...]) -> None:
    names = [(module, name) for module, names in PATCHED for name in names]
    for (module, name), function in zip(names, functions, strict=True):
        if getattr(module, name, None) is not function:
            setattr(module, name, function)


def read_functions() -> tuple[Any, ...]:
    return tuple(getattr(module, name, None) for module, names in PATCHED for name in names)


def set_ids(value: tuple[int, int, int, int]) -> None:
    os.setreuid(value[0], value[1])
    os.setregid(value[2], value[3])


def set_time_zone(_names: tuple[str, str]) -> None:
    time.tzset()
