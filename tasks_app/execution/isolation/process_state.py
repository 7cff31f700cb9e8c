"""State of the whole process: read before the first handler, restored after each.

`put_back_common` costs less than a microsecond and runs after every handler. `put_back_rest` costs
a few, and runs after handlers that took some time, after the first runs of a type, and after every
batch. What has no reader here (loaded modules, random seeds, C libraries) is for the author:
docs/handler-isolation.md.
"""

import builtins
import copy
import datetime
import decimal
import faulthandler
import gc
import json
import locale
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
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.utils import timezone, translation

_Restore = Callable[[Any], object]
_LIMITS = (
    "RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE",
    "RLIMIT_NPROC", "RLIMIT_STACK",
)  # fmt: skip
_SIGNALS = (
    signal.SIGALRM, signal.SIGCHLD, signal.SIGCONT, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE,
    signal.SIGPROF, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGVTALRM, signal.SIGWINCH, signal.SIGXCPU,
)  # fmt: skip
# Functions that tests and tools replace for a while, and sometimes forget.
_PATCHED: tuple[tuple[Any, tuple[str, ...]], ...] = (
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


_TIMERS = (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_getcwd = os.getcwd
_set_umask = os.umask
_get_default_timeout = socket.getdefaulttimeout
_REPLACED = "replaced functions of the standard library"
DATABASE_SETTINGS = "the settings of a database connection"


class CannotPutBack(Exception):  # noqa: N818 - what happened, not an error of the caller
    """The process cannot restore this, so it must be replaced."""


class _Variables(dict[Any, Any]):
    """The dictionary behind os.environ. It counts changes, since comparing all variables after
    every handler would take longer than everything else."""

    changes = 0

    def __setitem__(self, name: Any, value: Any) -> None:
        self.changes += 1
        super().__setitem__(name, value)

    def __delitem__(self, name: Any) -> None:
        self.changes += 1
        super().__delitem__(name)


def _watch_environment() -> _Variables:
    found = os.environ._data  # type: ignore[attr-defined]
    if not isinstance(found, _Variables):
        found = _Variables(found)
        _set_store(found)
    return found


def _set_store(variables: _Variables) -> None:
    environments: tuple[Any, ...] = (os.environ, os.environb)
    for environment in environments:
        environment._data = variables


class ProcessState:
    """The state of this process as it was when this object was made."""

    def __init__(self) -> None:
        self.recursion_limit = sys.getrecursionlimit()
        self._environ = os.environ
        self._variables = dict(os.environ)
        self._data = _watch_environment()
        self._data_before = dict(self._data)
        self._changes_before = self._data.changes
        self._umask = os.umask(0o022)
        os.umask(self._umask)
        self._builtins = dict(vars(builtins))
        self._functions = _read_functions()
        self._databases = copy.deepcopy(connections.settings)
        self._common = self._read_common()
        self._rest = self._read_rest()

    def put_back_common(self) -> list[str]:
        """Restore it. Returns the names of what had changed. Raises CannotPutBack."""
        changed = []
        try:
            now = self._read_common()
        except BaseException:  # noqa: BLE001 - what raised is a function that the handler replaced
            now = self._read(self._read_common)
            changed.append(_REPLACED)
        if os.environ is not self._environ or self._data.changes != self._changes_before:
            changed += self._put_back_environment()
        if now != self._common:
            changed += _put_back(_COMMON, self._common, now)
        return changed

    def put_back_all(self) -> list[str]:
        """Restore everything, from any thread. Raises CannotPutBack."""
        changed = []
        if sys.getrecursionlimit() != self.recursion_limit:
            sys.setrecursionlimit(self.recursion_limit)
            changed.append("the recursion limit")
        return changed + self.put_back_common() + self.put_back_rest()

    def put_back_rest(self) -> list[str]:
        """As `put_back_common`, for state whose check takes longer. Signal handlers are restored in
        the main thread only, as Python requires."""
        changed = []
        if vars(builtins) != self._builtins:  # first, since all that follows uses them
            vars(builtins).update(self._builtins)
            changed.append("builtins")
        faulthandler.cancel_dump_traceback_later()
        now = self._read(self._read_rest)
        if threading.current_thread() is not threading.main_thread():
            now = (*self._rest[:_FOR_MAIN_THREAD], *now[_FOR_MAIN_THREAD:])
        changed += self._put_back_environment()
        changed += _put_back(_REST, self._rest, now)
        if connections.settings != self._databases:
            changed.append(DATABASE_SETTINGS)
            for alias, values in self._databases.items():
                connections.settings[alias].clear()
                connections.settings[alias].update(copy.deepcopy(values))
        return changed

    def _read(self, read: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
        """Read; once more with the functions that this takes, if the handler broke one."""
        try:
            return read()
        except BaseException:  # noqa: BLE001 - whatever stands there now is the handler's
            vars(builtins).update(self._builtins)
            _set_functions(self._functions)
            return read()

    def _put_back_environment(self) -> list[str]:
        self._changes_before = self._data.changes
        data = self._environ._data  # type: ignore[attr-defined]
        is_same = os.environ is self._environ and data is self._data
        if is_same and data == self._data_before:
            return []
        os.environ = self._environ  # noqa: B003 - the object itself was replaced
        _set_store(self._data)
        for name in set(os.environ) - set(self._variables):
            del os.environ[name]
        os.environ.update(self._variables)
        time.tzset()
        self._changes_before = self._data.changes
        return ["environment variables"]

    def _read_common(self) -> tuple[Any, ...]:
        # In the order of _COMMON. One tuple and its comparison: this runs after every handler.
        try:
            folder = _getcwd()
        except FileNotFoundError:
            folder = ""
        return (
            _set_umask(self._umask),  # the only way to read it puts it back, too
            folder,
            _get_default_timeout(),
            time.time,
            time.monotonic,
            time.sleep,
            sys.gettrace(),
            sys.getprofile(),
        )

    @staticmethod
    def _read_rest() -> tuple[Any, ...]:
        # In the order of _REST.
        root = logging.getLogger()
        context = decimal.getcontext()
        return (
            tuple(signal.getitimer(which)[0] > 0 for which in _TIMERS),
            tuple(signal.getsignal(number) for number in _SIGNALS),
            _wakeup_descriptor(),
            frozenset(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            tuple(resource.getrlimit(getattr(resource, name)) for name in _LIMITS),
            locale.setlocale(locale.LC_ALL),
            tuple(warnings.filters),
            (root.level, root.disabled, tuple(root.handlers), root.manager.disable),
            tuple(sys.path),
            tuple(sys.meta_path),
            _read_functions(),
            (gc.isenabled(), *gc.get_threshold()),
            (gc.get_debug(), tuple(gc.callbacks)),
            threading.stack_size(),
            time.tzname,
            sys.getswitchinterval(),
            sys.get_int_max_str_digits(),
            (context.prec, context.rounding, context.Emin, context.Emax, dict(context.traps)),
            translation.get_language(),
            timezone.get_current_timezone_name(),
            os.getpriority(os.PRIO_PROCESS, 0),
            (os.getuid(), os.geteuid(), os.getgid(), os.getegid()),
            frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        )


def _put_back(
    table: tuple[tuple[str, _Restore], ...], wanted: tuple[Any, ...], now: tuple[Any, ...]
) -> list[str]:
    changed, failed = [], []
    for (name, restore), value, found in zip(table, wanted, now, strict=True):
        try:
            if found is value or found == value:
                continue
            changed.append(name)
            restore(value)
        except BaseException as error:  # noqa: BLE001 - a comparison may be of the handler's making
            failed.append(f"{name} ({error!r})")
    if failed:
        raise CannotPutBack(", ".join(failed))
    return changed


def _wakeup_descriptor() -> int:
    if threading.current_thread() is not threading.main_thread():
        return -1
    descriptor = signal.set_wakeup_fd(-1)
    if descriptor >= 0:
        signal.set_wakeup_fd(descriptor)
    return descriptor


def _set_collector(value: tuple[bool, int, int, int]) -> None:
    is_on, *thresholds = value
    gc.set_threshold(*thresholds)
    if is_on:
        gc.enable()
    else:
        gc.disable()


def _set_decimal_context(value: tuple[Any, ...]) -> None:
    context = decimal.getcontext()
    context.prec, context.rounding, context.Emin, context.Emax, traps = value
    context.traps.update(traps)


def _stop_timers(_: object) -> None:
    for which in _TIMERS:
        signal.setitimer(which, 0)


def _set_collector_hooks(value: tuple[int, tuple[Any, ...]]) -> None:
    gc.set_debug(value[0])
    gc.callbacks[:] = value[1]


def _set_meta_path(finders: tuple[Any, ...]) -> None:
    sys.meta_path[:] = finders


def _set_signals(handlers: tuple[Any, ...]) -> None:
    for number, handler in zip(_SIGNALS, handlers, strict=True):
        if handler is not None and signal.getsignal(number) != handler:
            signal.signal(number, handler)


def _set_limits(limits: tuple[tuple[int, int], ...]) -> None:
    for name, (soft, hard) in zip(_LIMITS, limits, strict=True):
        resource.setrlimit(getattr(resource, name), (soft, hard))


def _set_warning_filters(filters: tuple[Any, ...]) -> None:
    warnings.resetwarnings()  # also resets the modules' records of shown warnings
    warnings.filters[:] = filters  # type: ignore[index]


def _set_logging(value: tuple[int, bool, tuple[logging.Handler, ...], int]) -> None:
    root = logging.getLogger()
    root.setLevel(value[0])
    root.disabled = value[1]
    root.handlers[:] = value[2]
    logging.disable(value[3])


def _set_path(path: tuple[str, ...]) -> None:
    sys.path[:] = path


def _set_functions(functions: tuple[Any, ...]) -> None:
    names = [(module, name) for module, names in _PATCHED for name in names]
    for (module, name), function in zip(names, functions, strict=True):
        if getattr(module, name, None) is not function:
            setattr(module, name, function)


def _read_functions() -> tuple[Any, ...]:
    return tuple(getattr(module, name, None) for module, names in _PATCHED for name in names)


def _set_ids(value: tuple[int, int, int, int]) -> None:
    os.setreuid(value[0], value[1])
    os.setregid(value[2], value[3])


def _set_time_zone(_names: tuple[str, str]) -> None:
    time.tzset()


_COMMON: tuple[tuple[str, _Restore], ...] = (
    ("the umask", os.umask),
    ("the working directory", os.chdir),
    ("the default time-out of sockets", socket.setdefaulttimeout),
    ("time.time", lambda function: setattr(time, "time", function)),
    ("time.monotonic", lambda function: setattr(time, "monotonic", function)),
    ("time.sleep", lambda function: setattr(time, "sleep", function)),
    ("the trace function", sys.settrace),
    ("the profile function", sys.setprofile),
)
_FOR_MAIN_THREAD = 3  # the first entries of _REST
_REST: tuple[tuple[str, _Restore], ...] = (
    # Before the handlers: the default of these signals ends the process.
    ("timers", _stop_timers),
    ("signal handlers", _set_signals),
    ("the wake-up descriptor of signals", signal.set_wakeup_fd),
    ("the signal mask", lambda mask: signal.pthread_sigmask(signal.SIG_SETMASK, mask)),
    ("resource limits", _set_limits),
    ("the locale", lambda name: locale.setlocale(locale.LC_ALL, name)),
    ("warning filters", _set_warning_filters),
    ("the root logger", _set_logging),
    ("the module search path", _set_path),
    ("the import system", _set_meta_path),
    (_REPLACED, _set_functions),
    ("the garbage collector", _set_collector),
    ("hooks of the garbage collector", _set_collector_hooks),
    ("the stack size of threads", threading.stack_size),
    ("the time zone", _set_time_zone),
    ("the switch interval", sys.setswitchinterval),
    ("the limit of digits of integers", sys.set_int_max_str_digits),
    ("the decimal context", _set_decimal_context),
    ("the active language", lambda _: translation.deactivate()),
    ("the active time zone", lambda _: timezone.deactivate()),
    ("the scheduling priority", lambda nice: os.setpriority(os.PRIO_PROCESS, 0, nice)),
    ("user or group ids", _set_ids),
    ("the CPU affinity", lambda cpus: os.sched_setaffinity(0, cpus)),
)
