"""Finding the processors of an installation, once, at start."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import module_has_submodule

from tasks_app.processors import registry

BUILTIN = "tasks_app.processors.builtin"
ENTRY_POINT_GROUP = "taskplane.processors"
MODULES_SETTING = "TASKPLANE_PROCESSORS"


def discover() -> list[str]:
    """Import every module that registers processors, and return the names of all task types.

    Looked at in turn: the shipped processors, `processors.py` of every installed app, the modules
    of TASKPLANE_PROCESSORS, the entry points of the group `taskplane.processors`. Safe to call
    again. Opens no connection.

    Raises ImproperlyConfigured, naming the module and the cause, when one cannot be imported.
    """
    _load("the shipped processors", BUILTIN, partial(import_module, BUILTIN))
    for module in _modules_of_apps():
        _load("an installed app", module, partial(import_module, module))
    for module in _modules_of_settings():
        _load(MODULES_SETTING, module, partial(import_module, module))
    for point in entry_points(group=ENTRY_POINT_GROUP):
        _load(f"entry point {point.name!r} of {ENTRY_POINT_GROUP}", point.value, point.load)
    return registry.names()


def _modules_of_apps() -> Iterator[str]:
    for app in apps.get_app_configs():
        if app.module is not None and module_has_submodule(app.module, "processors"):
            yield f"{app.name}.processors"


def _modules_of_settings() -> list[str]:
    return list(getattr(settings, MODULES_SETTING, []))


def _load(source: str, module: str, load: Callable[[], Any]) -> None:
    try:
        load()
    except Exception as error:
        raise ImproperlyConfigured(
            f"Processors cannot be loaded: module {module!r} (from {source}) fails with "
            f"{type(error).__name__}: {error}"
        ) from error
