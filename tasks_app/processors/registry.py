"""The task types of this installation: each name, its function and its defaults; and how they are
found, once, at start.
"""

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, TypeVar

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import module_has_submodule
from pydantic import BaseModel, RootModel

from tasks_app.descriptors import Descriptor, find_faults
from tasks_app.processors.retry import RetryPolicy

Handler = Callable[..., Any]
RetryRule = Callable[[int, BaseException], float | None]
CategoryRule = Callable[[BaseException], str | None]

_F = TypeVar("_F", bound=Handler)
MAX_ATTEMPTS = 1_000
MAX_TIMEOUT_SECONDS = 7 * 24 * 3_600

RESERVED = frozenset({"approval", "task", "wait", "workflow"})
"""Types of workflow steps that are not tasks."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_NAME_LENGTH = 200
_QUEUE_LENGTH = 100
_ANY_OBJECT: dict[str, Any] = {"type": "object", "additionalProperties": True}


class _JsonObject(RootModel[dict[str, Any]]):
    """The payload of a processor that names no model."""


class UnknownType(LookupError):  # noqa: N818 - a word of the API
    """No processor has this name. The message names the nearest one."""

    def __init__(self, name: str) -> None:
        near = difflib.get_close_matches(name, _processors, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"There is no task type {name!r}.{hint}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Processor:
    """A task type: the function that does the work, and the defaults of its tasks."""

    name: str
    func: Handler
    is_async: bool
    queue: str
    max_attempts: int
    timeout_seconds: float
    payload_model: type[BaseModel] | None
    retry: RetryPolicy
    retry_rule: RetryRule | None = None
    category_of: CategoryRule | None = None
    title: str = ""
    description: str = ""
    owner: str = ""
    runbook: str = ""
    is_internal: bool = False

    def __post_init__(self) -> None:
        _check_numbers(self.name, self.queue, self.max_attempts, self.timeout_seconds)
        for field, rule in find_faults(Descriptor(self.title, "", self.owner, self.runbook)):
            raise ImproperlyConfigured(
                f"Task type {self.name!r}: {field} is {getattr(self, field)!r}: {rule}"
            )

    @property
    def payload_schema(self) -> Mapping[str, Any]:
        """JSON Schema."""
        return _ANY_OBJECT if self.payload_model is None else _schema_of(self.payload_model)

    def validate(self, payload: Any) -> Any:
        """The payload as the handler gets it: an instance of its model, or the plain object.

        Raises pydantic.ValidationError.
        """
        if self.payload_model is not None:
            return self.payload_model.model_validate(payload)
        if type(payload) is dict:
            return payload
        return _JsonObject.model_validate(payload).root


_processors: dict[str, Processor] = {}


def processor(
    name: str,
    *,
    queue: str = "default",
    max_attempts: int = 3,
    timeout_seconds: float = 60,
    payload: type[BaseModel] | None = None,
    retry: RetryPolicy | None = None,
    retry_rule: RetryRule | None = None,
    category_of: CategoryRule | None = None,
    title: str = "",
    description: str | None = None,
    owner: str = "",
    runbook: str = "",
    internal: bool = False,
) -> Callable[[_F], _F]:
    """Register `function(ctx, payload)`, sync or async, as the processor of type `name`.

    Returns the function itself. `payload` is a pydantic model; None takes any JSON object.
    `retry_rule(failed_attempts, error)` gives the seconds until the next attempt, None for no more;
    without it `retry` decides. `category_of(error)` gives a dead letter category, None for the
    usual guess. `title`, `description` (else the docstring's first paragraph), `owner` and
    `runbook` (an address) are for people, and shown wherever the type is named. `internal` marks
    bookkeeping of the platform: its tasks are left out of lists, counts and exports unless they are
    selected. Raises ImproperlyConfigured for a name that is taken, or invalid values.
    """

    def register(func: _F) -> _F:
        _check_function(name, func)
        _check_model(name, payload)
        _add(
            Processor(
                name=name,
                func=func,
                is_async=inspect.iscoroutinefunction(inspect.unwrap(func)),
                queue=queue,
                max_attempts=max_attempts,
                timeout_seconds=timeout_seconds,
                payload_model=payload,
                retry=retry or RetryPolicy(),
                retry_rule=retry_rule,
                category_of=category_of,
                title=title,
                description=_describe(func) if description is None else description,
                owner=owner,
                runbook=runbook,
                is_internal=internal,
            )
        )
        return func

    return register


def get(name: str) -> Processor:
    """The processor of this type. Raises UnknownType."""
    try:
        return _processors[name]
    except KeyError:
        raise UnknownType(name) from None


def find(name: str) -> Processor | None:
    """The processor of this type; None if this process's code has none."""
    return _processors.get(name)


def all_processors() -> list[Processor]:
    """Every registered processor, by name."""
    return [_processors[name] for name in names()]


def names() -> list[str]:
    """The names of all task types, sorted."""
    return sorted(_processors)


def internal_types() -> tuple[str, ...]:
    """The names of the internal task types, whose tasks are shown only on request, sorted."""
    return tuple(name for name in names() if _processors[name].is_internal)


def _add(new: Processor) -> None:
    old = _processors.get(new.name)
    # The same function again is a module imported twice or reloaded: no conflict.
    if old is not None and path_of(old.func) != path_of(new.func):
        raise ImproperlyConfigured(
            f"Two functions claim the task type {new.name!r}: "
            f"{path_of(old.func)} and {path_of(new.func)}. Rename one of them."
        )
    _processors[new.name] = new


def path_of(func: Handler) -> str:
    """The module and name of a function."""
    inner = inspect.unwrap(func)
    if isinstance(inner, functools.partial):
        inner = inner.func
    return f"{inner.__module__}.{getattr(inner, '__qualname__', repr(inner))}"


def _describe(func: Handler) -> str:
    return (inspect.getdoc(func) or "").split("\n\n")[0].replace("\n", " ")


def _check_numbers(name: str, queue: str, max_attempts: int, timeout_seconds: float) -> None:
    if not _NAME.fullmatch(name) or len(name) > _NAME_LENGTH:
        raise ImproperlyConfigured(
            f"{name!r} cannot name a task type: use up to {_NAME_LENGTH} letters, digits, '.', "
            "'_', ':' and '-', the first a letter or digit."
        )
    if name in RESERVED:
        raise ImproperlyConfigured(
            f"{name!r} cannot name a task type: it is a kind of workflow step."
        )
    if not _NAME.fullmatch(queue) or len(queue) > _QUEUE_LENGTH:
        raise ImproperlyConfigured(
            f"Task type {name!r}: {queue!r} cannot name a queue: use up to {_QUEUE_LENGTH} "
            "letters, digits, '.', '_', ':' and '-', the first a letter or digit."
        )
    if not 1 <= max_attempts <= MAX_ATTEMPTS:
        raise ImproperlyConfigured(
            f"Task type {name!r}: max_attempts must be from 1 to {MAX_ATTEMPTS}: "
            f"not {max_attempts}."
        )
    if not 0.001 <= timeout_seconds <= MAX_TIMEOUT_SECONDS:
        raise ImproperlyConfigured(
            f"Task type {name!r}: timeout_seconds must be from 0.001 to "
            f"{MAX_TIMEOUT_SECONDS} (7 days): not {timeout_seconds}."
        )


def _check_function(name: str, func: Handler) -> None:
    try:
        inspect.signature(func).bind(object(), object())
    except TypeError as error:
        raise ImproperlyConfigured(
            f"Task type {name!r}: {path_of(func)} must take (ctx, payload): {error}."
        ) from error
    if inspect.isgeneratorfunction(func) or inspect.isasyncgenfunction(func):
        raise ImproperlyConfigured(
            f"Task type {name!r}: {path_of(func)} yields; a handler returns its result."
        )


def _check_model(name: str, payload: type[BaseModel] | None) -> None:
    if payload is None:
        return
    if not (isinstance(payload, type) and issubclass(payload, BaseModel)):
        raise ImproperlyConfigured(
            f"Task type {name!r}: payload must be a pydantic model class: not {payload!r}."
        )
    if not payload.model_config.get("defer_build"):
        _schema_of(payload)  # raises for a field that JSON Schema cannot describe


@functools.cache
def _schema_of(payload: type[BaseModel]) -> Mapping[str, Any]:
    return payload.model_json_schema()


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
    return names()


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
