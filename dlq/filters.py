"""Which dead letters are meant: one filter for lists, bulk actions and replays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.core.clock import utc_z
from controlplane.core.errors import FieldError, Invalid
from controlplane.core.ids import parse_uuid
from dlq.states import LetterStatus
from tasks_app.filters import FilterError, QueryParams, read_texts, read_time, split_values
from tasks_app.states import ErrorCategory

MAX_IDS = 1_000


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Every condition must hold; of several values of one condition, one must.

    `since` and `until` are times of death: from the one, up to and without the other. `everything`
    says that a filter without a condition is meant so; it narrows nothing.
    """

    ids: tuple[UUID, ...] = ()
    task_ids: tuple[UUID, ...] = ()
    statuses: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    workflow_run_ids: tuple[UUID, ...] = ()
    search: str = ""
    since: datetime | None = None
    until: datetime | None = None
    everything: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it names every letter without saying that this is meant.

        A status alone names nothing: an action is about open letters anyway.
        """
        return not self.everything and not any(
            getattr(self, field.name) for field in fields(self) if field.name != "statuses"
        )

    @property
    def must_scan(self) -> bool:
        """Whether no index leads to the rows: the read needs a bound on its time."""
        if self.ids or self.task_ids:
            return False
        indexed = {"everything", "since", "fingerprints"}
        if self.statuses == (LetterStatus.OPEN.value,):
            indexed.add("statuses")
        elif self.fingerprints:
            return True
        return any(getattr(self, field.name) for field in fields(self) if field.name not in indexed)

    def to_json(self) -> dict[str, Any]:
        """As `letter_filter_of_body` reads it."""
        values: dict[str, Any] = {}
        for name, (column, _) in _READERS.items():
            value = getattr(self, column)
            if not value:
                continue
            if isinstance(value, datetime):
                value = utc_z(value)
            values[name] = [str(item) for item in value] if isinstance(value, tuple) else value
        return values


def letter_filter_of_query(params: QueryParams, *, besides: Iterable[str] = ()) -> LetterFilter:
    """The filter of a query string; see `split_values`. `besides`: what else may stand in it.

    Raises Invalid for an unknown parameter or a wrong value.
    """
    ignored = {*besides, "format"}
    values: dict[str, list[Any]] = {}
    for name in params:
        texts = params.getlist(name)
        if name in ignored:
            continue
        if name == "search":
            values[name] = texts[-1:]
        else:
            values[name] = split_values(texts)
    return _build(values)


def letter_filter_of_body(body: Mapping[str, Any], *, field: str = "filter") -> LetterFilter:
    """The filter of a JSON object: the same names, a value or a list of values each; `all` is
    true to mean every letter.

    Raises Invalid; field names in it begin with `field`, unless that is empty.
    """
    values = {name: value if isinstance(value, list) else [value] for name, value in body.items()}
    prefix = f"{field}." if field else ""
    try:
        return _build(values)
    except Invalid as error:
        raise Invalid(
            errors=[{**e, "field": f"{prefix}{e['field']}"} for e in error.errors]
        ) from error


def _build(values: Mapping[str, Sequence[Any]]) -> LetterFilter:
    found: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, several in values.items():
        try:
            column, read = _reader_of(name)
            found[column] = read(several)
        except FilterError as error:
            errors.append({"field": name[:200], "message": str(error)})
    if errors:
        raise Invalid(errors=errors)
    return LetterFilter(**found)


def _reader_of(name: str) -> tuple[str, Any]:
    try:
        return _READERS[name]
    except KeyError:
        raise FilterError(f"Unknown; known are {', '.join(_READERS)}.") from None


def _text(several: Sequence[Any]) -> str:
    return read_texts(several, most=1)[0].strip()


def _statuses(several: Sequence[Any]) -> tuple[str, ...]:
    return _one_of(several, LetterStatus.values)


def _categories(several: Sequence[Any]) -> tuple[str, ...]:
    return _one_of(several, ErrorCategory.values)


def _one_of(several: Sequence[Any], known: Sequence[str]) -> tuple[str, ...]:
    found = tuple(value.upper() for value in read_texts(several))
    if any(value not in known for value in found):
        raise FilterError(f"One of {', '.join(known)}.")
    return found


def _ids(several: Sequence[Any]) -> tuple[UUID, ...]:
    try:
        return tuple(parse_uuid(text) for text in read_texts(several, most=MAX_IDS))
    except ValueError as error:
        if isinstance(error, FilterError):
            raise
        raise FilterError("An id, such as 018f6f2e-0000-7000-8000-000000000000.") from None


def _true(several: Sequence[Any]) -> bool:
    if list(several) not in ([True], ["true"]):
        raise FilterError("Only true.")
    return True


_READERS: dict[str, tuple[str, Any]] = {
    "id": ("ids", _ids),
    "taskId": ("task_ids", _ids),
    "status": ("statuses", _statuses),
    "category": ("categories", _categories),
    "type": ("types", read_texts),
    "queue": ("queues", read_texts),
    "fingerprint": ("fingerprints", read_texts),
    "workflowRunId": ("workflow_run_ids", _ids),
    "search": ("search", _text),
    "since": ("since", read_time),
    "until": ("until", read_time),
    "all": ("everything", _true),
}
