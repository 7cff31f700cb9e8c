"""The filter of tasks, for lists, exports, bulk actions and commands."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from controlplane.core.errors import FieldError
from controlplane.core.schema.filters import (
    QueryParams,
    condition,
    read_body,
    read_query,
    write_body,
)
from controlplane.core.schema.values import (
    COMMA,
    MAX_LENGTH,
    QUOTED,
    Choices,
    FilterError,
    Flag,
    Ids,
    Moment,
    Search,
    Tags,
    Texts,
    WholeNumber,
    check_count,
    split_parts,
    unquote,
)
from tasks_app.states import FINAL, TaskState

PAYLOAD_PREFIX = "payload."
ME = "me"
MAX_PAYLOAD_FILTERS = 10
MAX_PATH_DEPTH = 32
_KEYS = re.compile(rf"(?:\A|\.)({QUOTED}(?=\.|\Z)|[^.]+)", re.DOTALL)
_QUOTES = f'{COMMA} A tag that contains a comma is written as a JSON string: `"red, green"`.'
_ALSO = "payload.<path>"
MAX_DURATION_MS = 999_999_999  # 11 days; an attempt has at most 7

Containment = dict[str, Any]


def _internal() -> Any:
    return condition(
        "internal",
        Flag(),
        "Include tasks of internal types: the platform's own bookkeeping, such as the joins of "
        "workflow steps.",
    )


@dataclass(frozen=True, slots=True)
class InternalFilter:
    """For fields without a filter of their own."""

    is_internal: bool = _internal()


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Every condition must match; of several values of a condition, one must match. `payload` is a
    list of alternatives of what the payload must contain. Both ends of a time range are excluded.
    `workers` are nodes that run a task or ran its last attempt, each by its name, its id, or both
    (`name#id`). Tasks of internal types match only when `is_internal` is set, or when an id or a
    type names them.
    """

    ids: tuple[UUID, ...] = condition("id", Ids(), COMMA)
    statuses: tuple[str, ...] = condition("status", Choices(choices=tuple(TaskState.values)), COMMA)
    types: tuple[str, ...] = condition("type", Texts(), COMMA)
    queues: tuple[str, ...] = condition("queue", Texts(), COMMA)
    tags: tuple[str, ...] = condition(
        "tag", Tags(), f"Tasks that have one of these tags. {_QUOTES}"
    )
    search: str = condition(
        "search", Search(), "A part of the name or type; or a whole id or idempotency key."
    )
    created_after: datetime | None = condition("createdAfter", Moment(), "Created after.")
    created_before: datetime | None = condition("createdBefore", Moment(), "Created before.")
    min_priority: int | None = condition("minPriority", WholeNumber(-100, 100), "From -100 to 100.")
    workflow_run_ids: tuple[UUID, ...] = condition("workflowRunId", Ids(), COMMA)
    step_keys: tuple[str, ...] = condition(
        "stepKey", Texts(), f"Keys of steps of workflow runs. {COMMA}"
    )
    workers: tuple[str, ...] = condition(
        "worker",
        Texts(),
        f"Names or ids of nodes that run a task or ran its last attempt. {COMMA}",
    )
    submitters: tuple[str, ...] = condition(
        "submittedBy",
        Texts(),
        "Who submitted them, by kind and name: `user:ada`, `key:billing (tp_0123abcd)`, "
        f"`system:schedule nightly`; `{ME}` is the caller. {COMMA}",
    )
    error_classes: tuple[str, ...] = condition(
        "errorClass", Texts(), f"Exact classes of the last error. {COMMA}"
    )
    started_after: datetime | None = condition(
        "startedAfter", Moment(), "Last attempt started after."
    )
    started_before: datetime | None = condition(
        "startedBefore", Moment(), "Last attempt started before."
    )
    finished_after: datetime | None = condition("finishedAfter", Moment(), "Ended after.")
    finished_before: datetime | None = condition("finishedBefore", Moment(), "Ended before.")
    min_duration_ms: int | None = condition(
        "minDurationMs",
        WholeNumber(0, MAX_DURATION_MS),
        "Completed and failed tasks whose last attempt took at least this.",
    )
    max_duration_ms: int | None = condition(
        "maxDurationMs",
        WholeNumber(0, MAX_DURATION_MS),
        "Completed and failed tasks whose last attempt took at most this.",
    )
    is_internal: bool = _internal()
    payload: tuple[tuple[Containment, ...], ...] = ()

    def asked_by(self, caller: str) -> "TaskFilter":
        """The filter with the caller (`Actor.as_submitter`) in the place of `me`."""
        if ME not in self.submitters:
            return self
        return replace(
            self, submitters=tuple(caller if each == ME else each for each in self.submitters)
        )

    @property
    def is_empty(self) -> bool:
        """Whether it names every task."""
        return not self._conditions

    @property
    def must_scan(self) -> bool:
        """Whether no index serves it, so that the query needs a time limit."""
        return bool(self._conditions - {"ids", "created_after", "created_before"})

    @property
    def is_by_kind(self) -> bool:
        """Whether it selects only by queue, type, and how tasks have ended."""
        has_only_ends = {*self.statuses} <= {*FINAL}
        return has_only_ends and self._conditions <= {"types", "queues", "statuses"}

    @property
    def is_by_state(self) -> bool:
        """Whether it selects only by queue and by states of which some are not ends."""
        has_open_states = not {*self.statuses} <= {*FINAL}
        return has_open_states and self._conditions <= {"queues", "statuses"}

    @property
    def is_kept(self) -> bool:
        """Whether statements for it are kept: it is small and likely to come again, can be the key
        of a cache, and names no queue and no node, whose numbers are looked up."""
        texts = (*self.types, *self.tags, *self.error_classes, *self.submitters)
        return self._conditions <= _KEPT and sum(map(len, texts)) <= _KEPT_CHARACTERS

    @property
    def is_by_failure(self) -> bool:
        """Whether it selects only tasks that ended badly, or whose last attempt failed."""
        is_bad_end = bool(self.statuses) and {*self.statuses} <= {*FINAL} - {TaskState.COMPLETED}
        return is_bad_end or bool(self.error_classes)

    @property
    def is_by_one_tag(self) -> bool:
        """Whether one tag is its only condition."""
        return self._conditions == {"tags"} and len(self.tags) == 1

    @property
    def is_by_queue(self) -> bool:
        """Whether it selects only by queue."""
        return self._conditions <= {"queues"}

    @property
    def _conditions(self) -> set[str]:
        """The fields of its conditions."""
        return {name for name in _CONDITIONS if getattr(self, name) not in ((), "", None)}


_CONDITIONS = tuple(each.name for each in fields(TaskFilter) if each.name != "is_internal")
_KEPT = {
    "statuses",
    "types",
    "tags",
    "error_classes",
    "submitters",
    "min_priority",
    "min_duration_ms",
    "max_duration_ms",
}
_KEPT_CHARACTERS = 1_000


def filter_of_query(params: QueryParams, *, ignore: Iterable[str] = ()) -> TaskFilter:
    """The filter of a query string; see `split_values`. `ignore`: other allowed parameters. Raises
    Invalid for an unknown parameter or a wrong value.
    """
    wanted = {
        name: [_typed(part) for part in split_parts(params.getlist(name))]
        for name in params
        if name.startswith(PAYLOAD_PREFIX)
    }
    payload, errors = _read_payload(wanted)
    return read_query(
        TaskFilter, params, ignore={*ignore, *wanted}, errors=errors, also=_ALSO, payload=payload
    )


def filter_of_body(body: Mapping[str, Any], *, field: str = "filter") -> TaskFilter:
    """The filter of a JSON object: the same names, a value or a list of values each.

    Raises Invalid; field names in it begin with `field`, unless that is empty.
    """
    wanted = {
        name: [(item,) for item in (value if isinstance(value, list) else [value])]
        for name, value in body.items()
        if name.startswith(PAYLOAD_PREFIX)
    }
    payload, errors = _read_payload(wanted)
    rest = {name: value for name, value in body.items() if name not in wanted}
    return read_body(TaskFilter, rest, field=field, errors=errors, also=_ALSO, payload=payload)


def filter_to_body(wanted: TaskFilter) -> dict[str, Any]:
    """The filter as a JSON object, as `filter_of_body` reads it."""
    body = write_body(wanted)
    for alternatives in wanted.payload:
        values: list[Any] = []
        for contained in alternatives:
            path, value = _unfold(contained)
            values.append(value)
        body[f"{PAYLOAD_PREFIX}{path}"] = values
    return body


def _unfold(contained: Containment) -> tuple[str, Any]:
    """The path of the one value that an object contains, and the value."""
    keys: list[str] = []
    value: Any = contained
    while not keys or (isinstance(value, dict) and len(value) == 1):
        ((key, value),) = value.items()
        keys.append(key)
    return ".".join(_write_key(key) for key in keys), value


def _write_key(key: str) -> str:
    is_plain = key and "." not in key and not key.startswith('"')
    return key if is_plain else orjson.dumps(key).decode()


def _read_payload(
    wanted: Mapping[str, Sequence[tuple[Any, ...]]],
) -> tuple[tuple[tuple[Containment, ...], ...], list[FieldError]]:
    """The required content of payloads, and errors."""
    found: list[tuple[Containment, ...]] = []
    errors: list[FieldError] = []
    for name, values in wanted.items():
        try:
            found.append(_containments(name, values))
        except FilterError as error:
            errors.append({"field": name[:200], "message": str(error)})
    if len(found) > MAX_PAYLOAD_FILTERS:
        message = f"At most {MAX_PAYLOAD_FILTERS} payload filters."
        errors.append({"field": "payload", "message": message})
    return tuple(found), errors


def _typed(text: str) -> tuple[Any, ...]:
    """The possible JSON values of a text in a query string: `5` is the number or the string."""
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
    check_count(several)
    for values in several:
        for value in values:
            if isinstance(value, str) and (len(value) > MAX_LENGTH or "\x00" in value):
                raise FilterError(f"At most {MAX_LENGTH} characters, none of them NUL.")
            wanted: Any = value
            for key in reversed(path):
                wanted = {key: wanted}
            alternatives.append(wanted)
    return tuple(alternatives)


def _read_path(text: str) -> list[str] | None:
    """The keys of a path, or None when it is not one."""
    parts = _KEYS.findall(text)
    if not parts or ".".join(parts) != text or len(parts) > MAX_PATH_DEPTH:
        return None
    path = [unquote(part) for part in parts]
    return None if any("\x00" in key for key in path) else path
