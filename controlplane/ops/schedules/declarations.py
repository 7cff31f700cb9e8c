"""Schedules in code: `schedules.py` of any installed app, or a module of TASKPLANE_SCHEDULES.

    from controlplane.ops.schedules.declarations import schedule

    schedule("Nightly report", "0 3 * * *", task_type="report", timezone="Europe/Berlin")

A declaration becomes a schedule of the workspace `default` when a dispatcher starts. An error in
one affects no other: `manage.py check` shows it, and the dispatcher logs it and continues.
"""

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import Any

import orjson
from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.utils.module_loading import module_has_submodule
from pydantic import ValidationError

from controlplane.ops.schedules.states import Overlap
from controlplane.ops.schedules.timing import TimingError, parse_timing
from tasks_app.processors import registry

MODULE = "schedules"
MODULES_SETTING = "TASKPLANE_SCHEDULES"
_MAX_CODE_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Declaration:
    """One call of `schedule`. `values` are those of `editing.create_schedule` without the workflow,
    which is given by name."""

    code_name: str  # `<module>:<name>`: the schedule's identity over all changes
    module: str
    name: str
    workflow: str | None
    values: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """Hash of all values: it differs when the declaration in the code has changed."""
        text = orjson.dumps([self.workflow, self.values], option=orjson.OPT_SORT_KEYS, default=str)
        return hashlib.sha256(text).hexdigest()


@dataclass(frozen=True, slots=True)
class Fault:
    """A module that cannot be imported, or an invalid declaration."""

    where: str
    message: str


_declared: dict[str, Declaration] = {}
_faults: dict[str, Fault] = {}


def schedule(
    name: str,
    when: str,
    *,
    task_type: str | None = None,
    workflow: str | None = None,
    payload: Mapping[str, Any] | None = None,
    timezone: str = "UTC",
    enabled: bool = True,
    overlap: str = Overlap.SKIP,
    catch_up: bool = False,
    catch_up_max: int = 10,
    jitter_ms: int = 0,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
    queue: str = "",
    priority: int = 0,
    max_attempts: int | None = None,
) -> None:
    """Declare a schedule: `when` as in the API (cron, `@daily`, `@every 15m`, a time), and a
    `task_type` or the name of a `workflow` that it starts with `payload`.

    `enabled` is the initial state; later a person decides. Declarations of one module need
    different names.
    """
    module = str(sys._getframe(1).f_globals.get("__name__", ""))
    code_name = f"{module}:{name}"
    values = {
        "name": name,
        "schedule": when,
        "timezone": timezone,
        "task_type": task_type or "",
        "payload": dict(payload or {}),
        "enabled": enabled,
        "overlap": str(overlap),
        "catch_up": catch_up,
        "catch_up_max": catch_up_max,
        "jitter_ms": jitter_ms,
        "start_at": start_at,
        "end_at": end_at,
        "queue": queue,
        "priority": priority,
        "max_attempts": max_attempts,
    }
    declared = Declaration(code_name, module, name, workflow, values)
    if not all(isinstance(text, str) for text in (name, when, timezone)):
        _faults[code_name] = Fault(code_name, "Name, times and zone must be strings.")
    elif len(code_name) > _MAX_CODE_NAME_LENGTH:
        message = f"Module and name have more than {_MAX_CODE_NAME_LENGTH} characters together."
        _faults[code_name] = Fault(code_name, message)
    elif _declared.setdefault(code_name, declared) != declared:
        message = "It is declared twice with different values: give each its own name."
        _faults[code_name] = Fault(code_name, message)


def discover() -> tuple[list[Declaration], list[Fault]]:
    """Import every module with declarations. Returns the declarations and the faults. Safe to call
    again: a module that was imported does not run a second time.
    """
    for module, load in _modules():
        try:
            load()
        except Exception as error:  # noqa: BLE001 - the other modules still count
            message = f"The module fails with {type(error).__name__}: {error}"
            _faults[module] = Fault(module, message)
        else:
            _faults.pop(module, None)
    good = [found for name, found in sorted(_declared.items()) if name not in _faults]
    return good, list(_faults.values())


def _modules() -> Iterator[tuple[str, Callable[[], Any]]]:
    for app in apps.get_app_configs():
        if app.module is not None and module_has_submodule(app.module, MODULE):
            name = f"{app.name}.{MODULE}"
            yield name, partial(import_module, name)
    for name in getattr(settings, MODULES_SETTING, []):
        yield name, partial(import_module, name)


@checks.register(checks.Tags.compatibility)
def check_declarations(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[checks.CheckMessage]:
    """The faults that can be found without a database, for `manage.py check`.

    Warnings, not errors: an error would keep every command from running, the dispatcher's included.
    """
    declared, faults = discover()
    for each in declared:
        faults += find_faults(each)
    return [
        checks.Warning(
            fault.message,
            hint="The dispatcher ignores it until it is corrected.",
            obj=fault.where,
            id="schedules.W001",
        )
        for fault in faults
    ]


def find_faults(declared: Declaration) -> list[Fault]:
    """The error of one declaration; the workflow's name is looked up later."""
    messages = [_timing_fault(declared), _work_fault(declared)]
    overlap = declared.values["overlap"]
    if overlap not in Overlap.values:
        messages.append(f"overlap must be one of {', '.join(Overlap.values)}, not {overlap!r}.")
    return [Fault(declared.code_name, message) for message in messages if message]


def _timing_fault(declared: Declaration) -> str:
    values = declared.values
    try:
        parse_timing(values["schedule"], values["timezone"])
    except TimingError as error:
        return error.message
    return ""


def _work_fault(declared: Declaration) -> str:
    task_type = declared.values["task_type"]
    if bool(task_type) == bool(declared.workflow):
        return "Give either a task_type or a workflow."
    if not task_type:
        return ""
    try:
        registry.get(task_type).validate(declared.values["payload"])
    except registry.UnknownType as error:
        return str(error)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in ("payload", *first["loc"]))
        return f"{place}: {first['msg']}."
    return ""
