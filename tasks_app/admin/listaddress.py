"""What the address of the list of tasks says: which tasks, in which order, which columns.

The filters have the names and values that the API has. Times may also be ages: `createdAfter=1h` is
always the last hour.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from controlplane.core.admin.navigation import CHOSEN_VIEW
from controlplane.core.cursors import Cursor, Sort
from controlplane.core.errors import FieldError, Invalid
from tasks_app.columns import COLUMNS, DEFAULT_COLUMNS, Column
from tasks_app.filters import PAYLOAD_PREFIX, TaskFilter, filter_of_query
from tasks_app.models import Task
from tasks_app.queries import SORT_FIELDS
from tasks_app.queries.tasklist import Position

PAGE_SIZE = 50
DEFAULT_SORT = "-createdAt"
WORKSPACE = "workspace"
# How the list is shown, not which tasks are in it.
VIEW = ("sort", "columns", "rows", CHOSEN_VIEW)
PLACE = ("after", "before")
# The names of Django's own lists, which older links have.
_OLD_NAMES = {
    "q": "search",
    "state__exact": "status",
    "workflow_run_id__exact": "workflowRunId",
    "step_key__exact": "stepKey",
}


@dataclass(frozen=True, slots=True)
class ListAddress:
    """A read address. `errors` name what it cannot mean; the filter then matches nothing."""

    params: QueryDict
    wanted: TaskFilter
    sort: Sort
    columns: tuple[Column, ...]
    is_compact: bool
    position: Position
    workspace: str = ""
    errors: tuple[FieldError, ...] = field(default=())

    @property
    def has_filters(self) -> bool:
        return any(name not in (*VIEW, *PLACE) for name in self.params)

    def link(self, *, without: Iterable[str] = PLACE, **values: Any) -> str:
        """The address with other values: those of None are left out, and the place in the list."""
        params = self.params.copy()
        for name in without:
            params.pop(name, None)
        for name, value in values.items():
            if value is None:
                params.pop(name, None)
            else:
                params[name] = str(value)
        return f"?{params.urlencode(safe=':,')}" if params else "?"

    def hidden_fields(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Parameters that a form has to keep."""
        return [(name, value) for name in names for value in self.params.getlist(name)]


def clean_params(params: QueryDict) -> QueryDict:
    """The parameters of a form in their short form: without empty ones, with the names of today,
    and with the payload's path as a name."""
    found = QueryDict(mutable=True)
    for given in params:
        values = [value.strip() for value in params.getlist(given) if value.strip()]
        name = _OLD_NAMES.get(given, given)
        if not values:
            continue
        path, equals, value = values[-1].partition("=")
        if name == "payload" and equals:
            name, values = f"{PAYLOAD_PREFIX}{path.strip()}", [value.strip()]
        if name in ("status", "columns"):
            values = [",".join(values)]
        found.setlist(name, values)
    return found


def read_address(params: QueryDict, caller: str = "") -> ListAddress:
    """What the parameters mean for the caller (`Actor.as_submitter`). Nothing is raised: `errors`
    say what is wrong."""
    errors: list[FieldError] = []
    wanted, sort, position = TaskFilter(), _sort(DEFAULT_SORT), Position()
    try:
        wanted = filter_of_query(params, ignore=(*VIEW, *PLACE, WORKSPACE))
        wanted = wanted.asked_by(caller) if caller else wanted
    except Invalid as error:
        errors += error.errors
    try:
        sort = _sort(params.get("sort", DEFAULT_SORT))
        position = _position(params, sort)
    except Invalid as error:
        errors += error.errors
    return ListAddress(
        params=params,
        wanted=wanted,
        sort=sort,
        columns=_columns(params.get("columns")),
        is_compact=params.get("rows") != "normal",
        position=position,
        workspace=params.get(WORKSPACE, ""),
        errors=tuple(errors),
    )


def _sort(text: str) -> Sort:
    known: Mapping[str, Any] = SORT_FIELDS
    name = text.removeprefix("-")
    if name not in known:
        message = f"One of {', '.join(known)}, with or without a leading -."
        raise Invalid(errors=[FieldError(field="sort", message=message)])
    return Sort.of(text, known[name])


def _position(params: QueryDict, sort: Sort) -> Position:
    if text := params.get("before"):
        return Position("before", Cursor.decode(text, sort, Task))
    if text := params.get("after"):
        return Position("after", Cursor.decode(text, sort, Task))
    return Position()


def _columns(text: str | None) -> tuple[Column, ...]:
    """The columns that are named, in the order of the table. What somebody has chosen is shown on
    narrow screens, too: the table scrolls there."""
    names = DEFAULT_COLUMNS if text is None else text.split(",")
    found = [column for key, column in COLUMNS.items() if column.is_fixed or key in names]
    return tuple(found if text is None else [column.always_shown for column in found])
