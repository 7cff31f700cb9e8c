"""The lists that can be exported."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.module_loading import autodiscover_modules

from controlplane.core.exports.batches import read_batches
from controlplane.core.exports.columns import Column, fields_of, list_columns
from controlplane.core.exports.files import Format
from controlplane.core.formatting import format_count
from controlplane.core.schema import Resource, field_names
from controlplane.core.schema.filters import QueryParams, read_query, write_body
from controlplane.core.schema.represent import read_fields
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import Role

Rows = QuerySet[Any] | Sequence[Any]


@dataclass(frozen=True, slots=True)
class Selected:
    """What a caller asks for. `owner` is the id of the object whose list it is, if the list belongs
    to one."""

    workspace_id: UUID
    wanted: Any
    actor: Actor
    owner: UUID | None = None


@dataclass(frozen=True, slots=True)
class NoFilter:
    """For lists without conditions."""


def _as_they_are(rows: Sequence[Any]) -> Sequence[Any]:
    return rows


@dataclass(frozen=True, slots=True)
class ExportedList:
    """A list. `path` is that of its export in the API, `resource` and `role` what that needs.

    `rows` are those of the API's list, or a sequence of a few that are computed. `prepare` is
    applied to these, and to those of a page, before they are read; `describe` looks up what the
    rows of a batch need, at once. `key` is the unique column by which they are ordered, `sized` are
    columns of JSON without a small bound. `read` and `write` turn the filter from a query string,
    and into JSON; `parameters` describes what `read` takes beside the conditions, for the OpenAPI
    document. `owner` is the noun of the object that a list belongs to. What is not
    `is_of_workspace` belongs to the installation.
    """

    name: str
    noun: str
    path: str
    tag: str
    resource: str
    schema: type[Resource]
    rows: Callable[[Selected], Rows]
    filter: type[Any] = NoFilter
    role: Role = Role.VIEWER
    prepare: Callable[[QuerySet[Any]], QuerySet[Any]] = lambda rows: rows
    describe: Callable[[Sequence[Any]], Sequence[Any]] = _as_they_are
    key: str = "-id"
    sized: tuple[str, ...] = ()
    read: Callable[[QueryParams, Sequence[str]], Any] | None = None
    write: Callable[[Any], Mapping[str, Any]] = write_body
    plural: str = ""
    owner: str = ""
    parameters: Callable[[], Sequence[Any]] = tuple
    is_of_workspace: bool = True

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of a spreadsheet."""
        return list_columns(self.schema)

    @property
    def plural_noun(self) -> str:
        return self.plural or f"{self.noun}s"

    def count(self, number: int) -> str:
        """`1 task`, `2,000 tasks`."""
        return format_count(number, self.noun, self.plural)

    def read_filter(self, params: QueryParams, ignore: Sequence[str]) -> Any:
        """The filter of a query string; `ignore` are other parameters. Raises Invalid."""
        if self.read is not None:
            return self.read(params, ignore)
        return read_query(self.filter, params, ignore=ignore)

    def read_columns(self, text: str | None, file_format: Format) -> tuple[str, ...] | None:
        """The names in the parameter `fields`; None for all. Raises Invalid."""
        known = [column.name for column in self.columns]
        return read_fields(text, known if file_format.is_table else field_names(self.schema))

    def choose(self, names: Sequence[str] | None) -> tuple[Column, ...]:
        """These columns, in this order."""
        if names is None:
            return self.columns
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in names)

    def read_batches(self, rows: Rows) -> Iterator[Sequence[Any]]:
        """All of these rows; computed ones are a batch."""
        if not isinstance(rows, QuerySet):
            return iter([rows])
        # What a list leaves out of its rows, an export may need.
        prepared = self.prepare(rows.defer(None))
        return read_batches(prepared, key=self.key, sized=self.sized)

    def needed_fields(self, names: Sequence[str] | None, file_format: Format) -> Any:
        """The fields of a row that the file needs; None for all."""
        if not file_format.is_table:
            return None if names is None else tuple(names)
        return fields_of(self.choose(names))


_lists: dict[str, ExportedList] = {}


def register(*lists: ExportedList) -> None:
    """Let these be exported."""
    for each in lists:
        _lists[each.name] = each


@cache
def _discover() -> None:
    autodiscover_modules("exports")


def list_all() -> list[ExportedList]:
    """Every list that can be exported, by name."""
    _discover()
    return [_lists[name] for name in sorted(_lists)]


def find_list(name: str) -> ExportedList:
    """One of them. Raises KeyError."""
    _discover()
    return _lists[name]


def describe_filter(exported: ExportedList, selected: Selected) -> dict[str, Any]:
    """What is selected, for the audit log."""
    owner = {} if selected.owner is None else {exported.owner: str(selected.owner)}
    return {**exported.write(selected.wanted), **owner}
