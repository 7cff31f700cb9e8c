"""What the address of the audit log says: which events, and where in the list.

The filters have the names and values that the API has. Times may also be ages: `createdAfter=1h`.
Without `by` the list leaves out what the platform did by itself, unless the address names an
object, an actor or a request.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.http import QueryDict

from controlplane.core.admin.navigation import CHOSEN_VIEW
from controlplane.core.clock import now, parse_age, utc_z
from controlplane.core.errors import FieldError, Invalid
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.schema.filters import read_query
from controlplane.workspaces.audit.kinds import Kind, actions_of, find_kind, list_kinds
from controlplane.workspaces.schema import DOORS, KEYS, PEOPLE, SYSTEM, AuditFilter

PLACE = ("before",)
WORKSPACE, ALL = "workspace", "all"
DEFAULT_BY = (PEOPLE, KEYS)
# An address that names one of these is about all that was done, by anybody.
NAMED = ("targetId", "actorId", "actor", "requestId")
_NO_FILTERS = (*PLACE, CHOSEN_VIEW)
_TIMES = ("createdAfter", "createdBefore")
TITLES = {
    "by": "By",
    "action": "Action",
    "actorId": "Actor's id",
    "actor": "Actor",
    "targetType": "Kind of object",
    "targetId": "Object",
    "door": "From",
    "requestId": "Request",
    "search": "Text",
    "createdAfter": "After",
    "createdBefore": "Before",
    WORKSPACE: "Workspace",
}
GROUPS = {
    "": "People and keys",
    PEOPLE: "People",
    KEYS: "Keys",
    SYSTEM: "The platform",
    ALL: "Everything",
}
DOOR_WORDS = {"page": "a page", "api": "the API", "command": "the command line"}


@dataclass(frozen=True, slots=True)
class AuditAddress:
    """A read address. `errors` name what it cannot mean; then nothing is listed. `before`: the
    events older than this one."""

    params: QueryDict
    wanted: AuditFilter
    before: UUID | None
    workspace: str = ""
    errors: tuple[FieldError, ...] = ()

    @property
    def has_filters(self) -> bool:
        return any(name not in _NO_FILTERS for name in self.params)

    @property
    def kind(self) -> Kind | None:
        return find_kind(self.wanted.target_type) if self.wanted.target_type else None

    def link(self, *, without: Iterable[str] = PLACE, **values: str | None) -> str:
        """The address with other values: those of None are left out, and the place in the list."""
        params = self.params.copy()
        for name in (*without, *values):
            params.pop(name, None)
        for name, value in values.items():
            if value:
                params[name] = value
        return f"?{params.urlencode(safe=':,')}" if params else "?"


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is set, and the address without it."""

    title: str
    value: str
    url: str


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the filter form. `choices` are those of a list, `hints` suggestions."""

    name: str
    title: str
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    hints: tuple[str, ...] = ()
    help: str = ""


def read_address(given: QueryDict) -> AuditAddress:
    """What the parameters mean. Nothing is raised: `errors` say what is wrong."""
    params = _clean(given)
    wanted = AuditFilter()
    errors: tuple[FieldError, ...] = ()
    absolute = params.copy()
    for name in _TIMES:
        age = parse_age(params.get(name, ""))
        if age is not None:
            absolute[name] = utc_z(now() - age)
    if params.get("by") == ALL:
        del absolute["by"]
    try:
        wanted = read_query(AuditFilter, absolute, ignore=(*_NO_FILTERS, WORKSPACE))
    except Invalid as error:
        errors = tuple(error.errors)
    if "by" not in params and not any(name in params for name in NAMED):
        wanted = replace(wanted, by=DEFAULT_BY)
    return AuditAddress(
        params=params,
        wanted=wanted,
        before=parse_uuid_or_none(params.get("before", "")),
        workspace=params.get(WORKSPACE, "").replace("\0", ""),
        errors=errors,
    )


def _clean(given: QueryDict) -> QueryDict:
    """Without empty values; `q` is the search of older links."""
    found = QueryDict(mutable=True)
    for name in given:
        values = [value.strip() for value in given.getlist(name) if value.strip()]
        if values:
            found.setlist("search" if name == "q" else name, values)
    return found


def list_groups(address: AuditAddress) -> list[tuple[str, str, bool]]:
    """Who did it: the words, the address and whether it is chosen."""
    chosen = address.params.get("by", "")
    if not chosen and not address.wanted.by:
        chosen = ALL
    return [
        (title, address.link(by=group or None), group == chosen) for group, title in GROUPS.items()
    ]


def list_chips(address: AuditAddress) -> Iterator[Chip]:
    for name in address.params:
        if name in (*_NO_FILTERS, "by"):
            continue
        value = ", ".join(address.params.getlist(name))
        yield Chip(
            TITLES.get(name, name), _in_words(name, value), address.link(without=(name, *PLACE))
        )


def _in_words(name: str, value: str) -> str:
    if name == "door":
        return DOOR_WORDS.get(value, value)
    if name == "targetType":
        kind = find_kind(value)
        return kind.noun if kind else value
    if name in _TIMES and parse_age(value) is not None:
        return f"{value} ago"
    return value


def list_inputs(address: AuditAddress, workspaces: list[tuple[str, str]]) -> list[Input]:
    """The inputs of the form, filled with what is set."""
    params = address.params
    target = params.get("targetType", "")

    def made(name: str, **more: Any) -> Input:
        return Input(name, TITLES[name], params.get(name, ""), **more)

    kinds = sorted((kind.target, kind.noun) for kind in list_kinds())
    actions = tuple(action for action, _ in actions_of(target))
    time = {"hints": ("15m", "1h", "24h", "7d"), "help": "A time, or an age: 15m, 1h, 7d."}
    found = [
        made("targetType", choices=tuple(kinds)),
        made("targetId", help="The whole id, or the name of a queue."),
        made("action", hints=actions),
        made("actor", help="The whole name of a person or a key."),
        made("door", choices=tuple((door, DOOR_WORDS[door]) for door in DOORS)),
        made("requestId"),
        made("search", help="Part of an actor, object, action or reason."),
        made("createdAfter", **time),
        made("createdBefore", **time),
    ]
    if len(workspaces) > 1:
        found.append(made(WORKSPACE, choices=tuple(workspaces)))
    return found
