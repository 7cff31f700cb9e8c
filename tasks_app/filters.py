"""Which tasks are meant: one filter for lists, exports and bulk actions."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import orjson

from controlplane.core.errors import FieldError, Invalid
from controlplane.core.ids import parse_uuid
from controlplane.core.names import canonical_name
from controlplane.core.times import parse_bound
from tasks_app.states import TaskState

PAYLOAD_PREFIX = "payload."
MAX_VALUES = 200  # of one parameter
_MAX_PAYLOAD_FILTERS = 10
_MAX_VALUE = 1_000
_MAX_PATH = 32

_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_PARTS = re.compile(rf"(?:\A|,)({_QUOTED}(?=,|\Z)|[^,]*)", re.DOTALL)
_KEYS = re.compile(rf"(?:\A|\.)({_QUOTED}(?=\.|\Z)|[^.]+)", re.DOTALL)

Containment = dict[str, Any]


class QueryParams(Protocol):
    """What is read of Django's QueryDict."""

    def __iter__(self) -> Iterator[str]: ...
    def getlist(self, key: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Every condition must hold; of several values of one condition, one must.

    `payload` is a list of alternatives of what the payload must contain. Both ends of a time range
    are left out. `workers` are nodes that run a task or ran its last attempt, each by its name, its
    id, or both (`name#id`). Tasks of internal types match only when `is_internal` is set, or when
    an id or a type names them.
    """

    ids: tuple[UUID, ...] = ()
    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    search: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None
    min_priority: int | None = None
    workflow_run_ids: tuple[UUID, ...] = ()
    workers: tuple[str, ...] = ()
    error_classes: tuple[str, ...] = ()
    finished_after: datetime | None = None
    finished_before: datetime | None = None
    is_internal: bool = False
    payload: tuple[tuple[Containment, ...], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it names every task."""
        return not self._conditions

    @property
    def must_scan(self) -> bool:
        """Whether no index leads to the rows: the read needs a bound on its time."""
        return bool(self._conditions - {"ids", "created_after", "created_before"})

    @property
    def _conditions(self) -> set[str]:
        """The fields that narrow it."""
        return {
            field.name
            for field in fields(self)
            if field.name != "is_internal" and getattr(self, field.name) not in ((), "", None)
        }


def filter_of_query(params: QueryParams, *, besides: Iterable[str] = ()) -> TaskFilter:
    """The filter of a query string; see `split_values`. `besides`: what else may stand in it.

    Raises Invalid for an unknown parameter or a wrong value.
    """
    values: dict[str, list[Any]] = {}
    ignored = {*besides, "format"}
    for name in params:
        texts = params.getlist(name)
        if name in ignored:
            continue
        if name.startswith(PAYLOAD_PREFIX):
            values[name] = [_typed(part) for text in texts for part in _PARTS.findall(text)]
        elif name == "search":
            values[name] = texts[-1:]
        else:
            values[name] = split_values(texts)
    return _build(values)


def filter_of_body(body: Mapping[str, Any], *, field: str = "filter") -> TaskFilter:
    """The filter of a JSON object: the same names, a value or a list of values each.

    Raises Invalid; field names in it begin with `field`, unless that is empty.
    """
    values: dict[str, list[Any]] = {}
    for name, value in body.items():
        several = value if isinstance(value, list) else [value]
        if name.startswith(PAYLOAD_PREFIX):
            values[name] = [(item,) for item in several]
        elif name in ("search", "minPriority"):
            values[name] = several[:1] if len(several) == 1 else [None]
        else:
            values[name] = several
    prefix = f"{field}." if field else ""
    try:
        return _build(values)
    except Invalid as error:
        raise Invalid(
            errors=[{**e, "field": f"{prefix}{e['field']}"} for e in error.errors]
        ) from error


def read_internal(params: QueryParams, *, ignore: Collection[str] = ()) -> bool:
    """The parameter `internal` of what has no other filter. `ignore`: what else may be given.

    Raises Invalid for an unknown parameter or a wrong value.
    """
    names = [name for name in params if name not in ("format", *ignore)]
    if unknown := [name for name in names if name != "internal"]:
        message = "Unknown; known is internal."
        raise Invalid(errors=[{"field": name[:200], "message": message} for name in unknown])
    values = params.getlist("internal")
    return bool(values) and _build({"internal": values}).is_internal


class FilterError(ValueError):
    """A value that a filter cannot take; the message is for the client."""


def _build(values: Mapping[str, Sequence[Any]]) -> TaskFilter:
    found: dict[str, Any] = {}
    payload: list[tuple[Containment, ...]] = []
    errors: list[FieldError] = []
    for name, several in values.items():
        try:
            if name.startswith(PAYLOAD_PREFIX):
                payload.append(_containments(name, several))
            else:
                column, read = _reader_of(name)
                found[column] = read(several)
        except FilterError as error:
            errors.append({"field": name[:200], "message": str(error)})
    if len(payload) > _MAX_PAYLOAD_FILTERS:
        errors.append(
            {"field": "payload", "message": f"At most {_MAX_PAYLOAD_FILTERS} payload filters."}
        )
    if errors:
        raise Invalid(errors=errors)
    return TaskFilter(**found, payload=tuple(payload))


def _reader_of(name: str) -> tuple[str, Any]:
    try:
        return _READERS[name]
    except KeyError:
        raise FilterError(f"Unknown; known are {', '.join(_READERS)}, payload.<path>.") from None


def split_values(texts: Iterable[str]) -> list[str]:
    """The values of the texts, separated by commas. A value that contains a comma, or is in double
    quotes itself, is written as a JSON string: `"red, green"`. Empty values are left out."""
    return [_unquoted(part) for text in texts for part in _PARTS.findall(text) if part]


def join_values(values: Iterable[str]) -> str:
    """One text of which `split_values` makes the values again."""
    return ",".join(
        orjson.dumps(value).decode() if "," in value or value[:1] in ("", '"') else value
        for value in values
    )


def _unquoted(part: str) -> str:
    if not part.startswith('"'):
        return part
    try:
        return str(orjson.loads(part))
    except orjson.JSONDecodeError:
        return part


def _typed(text: str) -> tuple[Any, ...]:
    """The JSON values that a text of a query string may mean: `5` the number and the text."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return (text,)
    if isinstance(value, str):
        return (value,)
    return (text,) if isinstance(value, dict | list) else (value, text)


def _containments(name: str, several: Sequence[tuple[Any, ...]]) -> tuple[Containment, ...]:
    path = _read_path(name.removeprefix(PAYLOAD_PREFIX))
    if path is None:
        raise FilterError(
            "A path is keys separated by dots, such as payload.customer.id. A key that contains a "
            'dot is a JSON string: payload."customer.id".'
        )
    alternatives = []
    _check_count(several)
    for values in several:
        for value in values:
            if isinstance(value, str) and (len(value) > _MAX_VALUE or "\x00" in value):
                raise FilterError(f"At most {_MAX_VALUE} characters, none of them NUL.")
            wanted: Any = value
            for key in reversed(path):
                wanted = {key: wanted}
            alternatives.append(wanted)
    return tuple(alternatives)


def _read_path(text: str) -> list[str] | None:
    """The keys of a path, or None when it is not one."""
    parts = _KEYS.findall(text)
    if not parts or ".".join(parts) != text or len(parts) > _MAX_PATH:
        return None
    path = [_unquoted(part) for part in parts]
    return None if any("\x00" in key for key in path) else path


def read_texts(several: Sequence[Any], most: int = MAX_VALUES) -> tuple[str, ...]:
    """From 1 to `most` texts of bounded length. Raises FilterError."""
    _check_count(several, most)
    for value in several:
        if not isinstance(value, str) or "\x00" in value or len(value) > _MAX_VALUE:
            raise FilterError(f"A text of at most {_MAX_VALUE} characters, without NUL.")
    return tuple(several)


def _check_count(several: Sequence[Any], most: int = MAX_VALUES) -> None:
    if not 1 <= len(several) <= most:
        raise FilterError(f"From 1 to {most} values.")


def _text(several: Sequence[Any]) -> str:
    return read_texts(several)[0].strip()


def _statuses(several: Sequence[Any]) -> tuple[str, ...]:
    found = tuple(value.upper() for value in read_texts(several))
    if any(value not in TaskState.values for value in found):
        raise FilterError(f"One of {', '.join(TaskState.values)}.")
    return found


def _tags(several: Sequence[Any]) -> tuple[str, ...]:
    return tuple(map(canonical_name, read_texts(several)))


def _ids(several: Sequence[Any]) -> tuple[UUID, ...]:
    try:
        return tuple(parse_uuid(text) for text in read_texts(several))
    except ValueError:
        raise FilterError("An id, such as 018f6f2e-0000-7000-8000-000000000000.") from None


def _whole(several: Sequence[Any]) -> int:
    value = several[0] if len(several) == 1 else None
    if isinstance(value, str):
        digits = value.removeprefix("-")
        value = int(value) if digits.isascii() and digits.isdigit() and len(value) < 6 else None
    if isinstance(value, bool) or not isinstance(value, int) or not -100 <= value <= 100:
        raise FilterError("A whole number from -100 to 100.")
    return value


def _flag(several: Sequence[Any]) -> bool:
    value = several[0] if len(several) == 1 else None
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.lower())
    if not isinstance(value, bool):
        raise FilterError("This must be true or false.")
    return value


def read_time(several: Sequence[Any]) -> datetime:
    """One time with its zone, which limits others. Raises FilterError."""
    try:
        return parse_bound(several[0] if len(several) == 1 else None)
    except ValueError as error:
        raise FilterError(str(error)) from None


_READERS: dict[str, tuple[str, Any]] = {
    "id": ("ids", _ids),
    "status": ("statuses", _statuses),
    "type": ("types", read_texts),
    "queue": ("queues", read_texts),
    "tag": ("tags", _tags),
    "search": ("search", _text),
    "createdAfter": ("created_after", read_time),
    "createdBefore": ("created_before", read_time),
    "minPriority": ("min_priority", _whole),
    "workflowRunId": ("workflow_run_ids", _ids),
    "worker": ("workers", read_texts),
    "errorClass": ("error_classes", read_texts),
    "finishedAfter": ("finished_after", read_time),
    "finishedBefore": ("finished_before", read_time),
    "internal": ("is_internal", _flag),
}
