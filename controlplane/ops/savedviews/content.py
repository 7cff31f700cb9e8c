"""What a view shows of its list: filters, order and columns; read from a body or from the address
of the page, and written as both addresses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from controlplane.core.admin.navigation import CHOSEN_VIEW
from controlplane.core.clock import parse_age
from controlplane.core.errors import FieldError, Invalid
from controlplane.core.formatting import shorten
from controlplane.core.schema.filters import QueryParams
from controlplane.core.schema.values import (
    FilterError,
    Moment,
    Texts,
    join_values,
    split_values,
)
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.lists import (
    WORKSPACE,
    ListFilter,
    SavableList,
    ShippedView,
)

MAX_FILTERS = 50
MAX_ADDRESS = 6_000  # characters: more does not fit into a request's head
_MAX_WORDS = 300
# Parameters of addresses that are places in a list, or how densely it is drawn.
_NOT_KEPT = frozenset(
    {CHOSEN_VIEW, WORKSPACE, "after", "before", "group", "p", "page", "e", "all", "rows", "span"}
)


@dataclass(frozen=True, slots=True)
class Content:
    """In one form, so that equal contents are equal: values are sorted, and the default order is
    empty. Times may be ages, which stay ages."""

    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sort: str = ""
    columns: tuple[str, ...] = ()


def read_content(
    of: SavableList, filters: Mapping[str, Any], sort: str = "", columns: Sequence[str] = ()
) -> Content:
    """The checked content. Raises Invalid, which names every wrong part and what there is."""
    errors: list[FieldError] = []
    found: dict[str, list[str]] = {}
    if len(filters) > MAX_FILTERS:
        errors.append(FieldError(field="filters", message=f"At most {MAX_FILTERS} filters."))
    for name, given in list(filters.items())[:MAX_FILTERS]:
        try:
            found[name] = _read_values(of, name, given)
        except FilterError as error:
            errors.append(FieldError(field=f"filters.{name[:100]}", message=str(error)))
    if of.check is not None and not errors:
        try:
            of.check(found)
        except Invalid as error:
            errors += [{**each, "field": f"filters.{each['field']}"} for each in error.errors]
    errors += _check_sort(of, sort)
    errors += _check_columns(of, columns)
    content = Content(
        filters=dict(sorted((name, values) for name, values in found.items() if values)),
        sort="" if sort == of.default_sort else sort,
        columns=tuple(name for name in of.columns if name in columns),
    )
    if not errors and len(page_query(of, content)) > MAX_ADDRESS:
        message = f"The address would have more than {MAX_ADDRESS:,} characters: use fewer values."
        errors.append(FieldError(field="filters", message=message))
    if errors:
        raise Invalid(errors=errors)
    return content


def read_shipped(of: SavableList, view: ShippedView) -> Content:
    """The content of a shipped view."""
    return read_content(of, view.filters, view.sort, view.columns)


def read_kept(
    of: SavableList, filters: Mapping[str, Any], sort: str, columns: Sequence[str]
) -> tuple[Content, list[FieldError]]:
    """A content that was kept before: what of it the list still has, and what it has no more."""
    try:
        return read_content(of, filters, sort, columns), []
    except Invalid as error:
        problems = error.errors
    wrong = {each["field"].removeprefix("filters.") for each in problems}
    rest = {name: value for name, value in filters.items() if name not in wrong}
    known = [name for name in columns if name in of.columns]
    try:
        return read_content(of, rest, "" if "sort" in wrong else sort, known), problems
    except Invalid:
        return Content(), problems


def read_address(of: SavableList, params: QueryParams) -> Content:
    """The content of a page's address. Raises Invalid, also for a parameter that no view keeps."""
    filters: dict[str, list[str]] = {}
    errors: list[FieldError] = []
    sort, columns = "", []
    for name in params:
        values = [value for value in params.getlist(name) if value]
        if name in _NOT_KEPT or not values:
            continue
        known = of.find_in_page(name)
        if known is not None:
            filters[known.name] = _from_page(known, values)
        elif name == "sort" and of.sorts:
            sort = values[-1]
        elif name == "columns" and of.columns:
            columns = split_values(values)
        else:
            message = f"A view of {of.title} cannot keep this: remove it from the address."
            errors.append(FieldError(field=name[:100], message=message))
    if errors:
        raise Invalid(errors=errors)
    return read_content(of, filters, sort, columns)


def page_query(of: SavableList, content: Content, **more: str) -> str:
    """The query of the page's address. `more`: further parameters, left out if they are empty."""
    pairs: list[tuple[str, str]] = []
    for name, values in content.filters.items():
        known = of.find_filter(name)
        if known is None:
            continue
        written = [known.as_page.get(each, each) for each in values]
        pairs.append((known.in_page, join_values(written) if known.is_joined else written[-1]))
    if content.sort:
        pairs.append(("sort", content.sort))
    if content.columns:
        pairs.append(("columns", ",".join(content.columns)))
    pairs += [(name, value) for name, value in more.items() if value]
    return urlencode(pairs, safe=":,")


def page_address(of: SavableList, content: Content, **more: str) -> str:
    """The path of the page with its query, without the prefix of the installation."""
    query = page_query(of, content, **more)
    return f"/{of.path}?{query}" if query else f"/{of.path}"


def api_address(of: SavableList, content: Content) -> str | None:
    """The call of the API that lists the same; None if the API has no such list or filter."""
    if not of.api:
        return None
    pairs: dict[str, str] = {} if of.in_api is None else {**of.in_api(content.filters)}
    for name, values in content.filters.items():
        known = of.find_filter(name)
        if known is None:
            continue
        if values[-1] in known.as_api:
            pairs |= known.as_api[values[-1]]
            continue
        if known.api is None:
            return None
        pairs[known.api or name] = join_values(values) if known.values.is_split else values[-1]
    if content.sort:
        pairs["sort"] = content.sort
    query = urlencode(pairs, safe=":,")
    return f"/{of.api}?{query}" if query else f"/{of.api}"


def describe(of: SavableList, content: Content) -> str:
    """In words, for people."""
    return shorten(", ".join(_words(of, content)), _MAX_WORDS) or "everything"


def _words(of: SavableList, content: Content) -> Iterator[str]:
    for name, values in content.filters.items():
        known = of.find_filter(name)
        title = isolated_text(known.title if known else name)
        if known and isinstance(known.values, Moment) and parse_age(values[-1]):
            subject, _, side = title.lower().partition(" ")
            span = "in the last" if side == "after" else "more than"
            yield f"{subject} {span} {values[-1]}{'' if side == 'after' else ' ago'}"
        else:
            yield f"{title.lower()} {' or '.join(map(isolated_text, values))}"
    if content.sort:
        name = content.sort.removeprefix("-")
        yield f"sorted by {name}, greatest first" if content.sort[0] == "-" else f"sorted by {name}"
    if content.columns:
        yield f"{len(content.columns)} columns"


def _read_values(of: SavableList, name: str, given: Any) -> list[str]:
    """The values of one filter. Raises FilterError."""
    known = of.find_filter(name)
    if known is None:
        more = [f"{of.prefix}<path>"] if of.prefix else []
        names = ", ".join([*(each.name for each in of.filters), *more])
        raise FilterError(f"{of.title} has no such filter. Filters: {names or 'none'}.")
    texts = [_as_text(each) for each in (given if isinstance(given, list | tuple) else [given])]
    if isinstance(known.values, Moment) and len(texts) == 1 and parse_age(texts[0]):
        return [texts[0].strip()]
    read = known.values.read(texts)
    if read == known.values.empty:
        return []  # as without the filter
    if isinstance(known.values, Texts):
        return sorted({str(each) for each in read})
    if known.values.is_flag:
        return ["true" if read else "false"]
    return [read] if isinstance(read, str) else texts


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise FilterError("A text, a number, true or false, or a list of them.")
    return str(value)


def _from_page(known: ListFilter, values: list[str]) -> list[str]:
    names = {written: value for value, written in known.as_page.items()}
    found = split_values(values) if known.is_joined else values[-1:]
    return [names.get(each, each) for each in found]


def _check_sort(of: SavableList, sort: str) -> Iterator[FieldError]:
    if sort and sort not in of.sorts:
        message = f"One of {', '.join(of.sorts)}." if of.sorts else "This list has one order."
        yield FieldError(field="sort", message=message)


def _check_columns(of: SavableList, columns: Sequence[str]) -> Iterator[FieldError]:
    unknown = [name for name in columns if name not in of.columns]
    if unknown:
        names = ", ".join(of.columns)
        message = f"Some of {names}." if names else "The columns of this list cannot be chosen."
        yield FieldError(field="columns", message=message)
