"""State of the whole process: read before the first handler, restored after each.

`put_back_common` costs less than a microsecond and runs after every handler. `put_back_rest` costs
a few, and runs after handlers that took some time, after the first runs of a type, and after every
batch. What has no reader here (loaded modules, random seeds, C libraries) is for the author:
docs/handler-isolation.md.
"""

import builtins
import copy
import decimal
import faulthandler
import gc
import locale
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.utils import timezone, translation

from tasks_app.execution.isolation import setters

_Restore = Callable[[Any], object]
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
        self._functions = setters.read_functions()
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
            setters.set_functions(self._functions)
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
            tuple(signal.getitimer(which)[0] > 0 for which in setters.TIMERS),
            tuple(signal.getsignal(number) for number in setters.SIGNALS),
            setters.wakeup_descriptor(),
            frozenset(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            tuple(resource.getrlimit(getattr(resource, name)) for name in setters.LIMITS),
            locale.setlocale(locale.LC_ALL),
            tuple(warnings.filters),
            (root.level, root.disabled, tuple(root.handlers), root.manager.disable),
            tuple(sys.path),
            tuple(sys.meta_path),
            setters.read_functions(),
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
    ("timers", setters.stop_timers),
    ("signal handlers", setters.set_signals),
    ("the wake-up descriptor of signals", signal.set_wakeup_fd),
    ("the signal mask", lambda mask: signal.pthread_sigmask(signal.SIG_SETMASK, mask)),
    ("resource limits", setters.set_limits),
    ("the locale", lambda name: locale.setlocale(locale.LC_ALL, name)),
    ("warning filters", setters.set_warning_filters),
    ("the root logger", setters.set_logging),
    ("the module search path", setters.set_path),
    ("the import system", setters.set_meta_path),
    (_REPLACED, setters.set_functions),
    ("the garbage collector", setters.set_collector),
    ("hooks of the garbage collector", setters.set_collector_hooks),
    ("the stack size of threads", threading.stack_size),
    ("the time zone", setters.set_time_zone),
    ("the switch interval", sys.setswitchinterval),
    ("the limit of digits of integers", sys.set_int_max_str_digits),
    ("the decimal context", setters.set_decimal_context),
    ("the active language", lambda _: translation.deactivate()),
    ("the active time zone", lambda _: timezone.deactivate()),
    ("the scheduling priority", lambda nice: os.setpriority(os.PRIO_PROCESS, 0, nice)),
    ("user or group ids", setters.set_ids),
    ("the CPU affinity", lambda cpus: os.sched_setaffinity(0, cpus)),
)
