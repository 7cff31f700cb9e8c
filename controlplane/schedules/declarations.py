"""Schedules in code: `schedules.py` of any installed app, or a module of TASKPLANE_SCHEDULES.

    from controlplane.schedules.declarations import schedule

    schedule("Nightly report", "0 3 * * *", task_type="report", timezone="Europe/Berlin")

A declaration becomes a schedule of the workspace `default` when a dispatcher starts. What is wrong
with one stops nobody: `manage.py check` shows it, and the dispatcher logs it and goes on.
"""

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import Any

import orjson
from django.apps import apps
from django.conf import settings
from django.utils.module_loading import module_has_submodule

from controlplane.schedules.states import Overlap

MODULE = "schedules"
MODULES_SETTING = "TASKPLANE_SCHEDULES"
_LONGEST_CODE_NAME = 200


@dataclass(frozen=True, slots=True)
class Declaration:
    """What one call of `schedule` said. `values` are those of `services.create_schedule`, but for
    the workflow, which is named."""

    code_name: str  # `<module>:<name>`: the schedule's identity over all changes
    module: str
    name: str
    workflow: str | None
    values: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """Of everything that was said: another one means that the code has changed."""
        text = orjson.dumps([self.workflow, self.values], option=orjson.OPT_SORT_KEYS, default=str)
        return hashlib.sha256(text).hexdigest()


@dataclass(frozen=True, slots=True)
class Fault:
    """A module that cannot be imported, or a declaration that cannot be understood."""

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

    `enabled` says how the schedule begins; later a person decides. Two declarations of one module
    need two names.
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
        _faults[code_name] = Fault(code_name, "Its name, times and zone must be texts.")
    elif len(code_name) > _LONGEST_CODE_NAME:
        message = f"Module and name have more than {_LONGEST_CODE_NAME} characters together."
        _faults[code_name] = Fault(code_name, message)
    elif _declared.setdefault(code_name, declared) != declared:
        message = "It is declared twice, with different values: give each its own name."
        _faults[code_name] = Fault(code_name, message)


def discover() -> tuple[list[Declaration], list[Fault]]:
    """Import every module with declarations; what they declare, and what cannot be understood.

    Safe to call again: a module that could be imported is not run a second time.
    """
    for module, load in _modules():
        try:
            load()
        except Exception as error:  # noqa: BLE001 - whatever it is, the other modules count
            message = f"It fails with {type(error).__name__}: {error}"
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
