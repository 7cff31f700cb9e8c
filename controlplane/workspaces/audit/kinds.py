"""What the audit log is about: kinds of objects, the verbs of their events in words, and where an
object's page is.

An app declares its kinds with `register` in its module `audit_kinds`, which is imported where the
log is shown.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.module_loading import autodiscover_modules

from controlplane.core.formatting import format_short_id
from controlplane.core.ids import parse_uuid
from controlplane.workspaces.models import AuditEvent

# In the past, as in "cancelled"; some are made of the event's detail.
Verb = str | Callable[[Mapping[str, Any]], str]
_UUID_LENGTH = 36
_NUMBER_LENGTH = 10
_PAST = {
    "cancel": "cancelled",
    "create": "created",
    "delete": "deleted",
    "discard": "discarded",
    "pause": "paused",
    "reprocess": "reprocessed",
    "resume": "resumed",
    "retry": "retried",
    "start": "started",
    "stop": "stopped",
    "trigger": "triggered",
    "update": "changed",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """Objects that events name by `target`. `key` is the column of `rows` that an event has as its
    target's id, and `label` the one that people know. `page` is the admin's name of their pages, as
    in `tasks_app_task`; `row` is the column with the id of such a page. `belongs` is the path to
    the workspace, empty for objects of the installation."""

    target: str
    noun: str
    plural: str
    icon: str
    page: str
    rows: Callable[[], QuerySet[Any]]
    verbs: Mapping[str, Verb]
    key: str = "id"
    label: str = ""
    row: str = "id"
    belongs: str = "workspace_id"
    # An id as the column has it. Raises ValueError.
    read: Callable[[str], Any] = parse_uuid
    # There is one, whose page is the list.
    is_single: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """An object that exists: the id of its page, and its name."""

    row: Any
    label: str


def common_verbs(prefix: str, *actions: str) -> dict[str, Verb]:
    """The words of actions that many kinds have, such as `pause`. An event's action is the prefix
    and one of them: `operation.pause`."""
    return {f"{prefix}{action}": _PAST[action] for action in actions}


_ENDS = {"COMPLETED": "completed", "STOPPED": "stopped", "FAILED": "stopped"}


def describe_end(detail: Mapping[str, Any]) -> str:
    """The word for the end of a batch, by the state that it ended in."""
    return _ENDS.get(str(detail.get("state")), "ended")


_kinds: dict[str, Kind] = {}


def register(*kinds: Kind) -> None:
    """Let events name these."""
    for kind in kinds:
        _kinds[kind.target] = kind


@cache
def discover() -> None:
    """Import every app's `audit_kinds`, the first time."""
    autodiscover_modules("audit_kinds")


def list_kinds() -> list[Kind]:
    discover()
    return list(_kinds.values())


def find_kind(target: str) -> Kind | None:
    discover()
    return _kinds.get(target)


def find_kind_of_page(page: str) -> Kind | None:
    """The kind whose objects have these pages of the admin."""
    return next((kind for kind in list_kinds() if kind.page == page), None)


def find_objects(events: Iterable[AuditEvent]) -> dict[tuple[str, str], Found]:
    """Those objects of the events that still exist, by target and id: one query for each kind."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    workspaces: set[UUID] = set()
    for event in events:
        wanted[event.target_type].add(event.target_id)
        workspaces.add(event.workspace_id)
    found: dict[tuple[str, str], Found] = {}
    for target, ids in wanted.items():
        kind = find_kind(target)
        if kind is not None:
            found |= _find(kind, ids, workspaces)
    return found


def _find(
    kind: Kind, ids: Collection[str], workspaces: Collection[UUID]
) -> dict[tuple[str, str], Found]:
    known = [value for each in ids if (value := _read(kind, each)) is not None]
    rows = kind.rows().filter(**{f"{kind.key}__in": known})
    if kind.belongs:
        rows = rows.filter(**{f"{kind.belongs}__in": workspaces})
    columns = rows.values_list(kind.key, kind.row, kind.label or kind.key)
    return {
        (kind.target, str(key)): Found(row, str(label if kind.label else shorten(str(key))))
        for key, row, label in columns
    }


def _read(kind: Kind, text: str) -> Any:
    """The id; None for what cannot be one."""
    try:
        return kind.read(text)
    except ValueError:
        return None


def read_number(text: str) -> int:
    """An id that is a number. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) < _NUMBER_LENGTH):
        raise ValueError("This is not an id.")
    return int(text)


def shorten(text: str) -> str:
    """The end of a UUID; any other id as it is."""
    return format_short_id(text) if len(text) == _UUID_LENGTH else text


def verb_of(event: AuditEvent) -> str:
    """What was done, in the past: `paused`."""
    kind = find_kind(event.target_type)
    verb = kind.verbs.get(event.action) if kind else None
    if verb is None:
        return event.action.rpartition(".")[2].replace("_", " ")
    return verb if isinstance(verb, str) else verb(event.detail)


def noun_of(event: AuditEvent) -> str:
    """The kind of object: `task`, `12 tasks`."""
    kind = find_kind(event.target_type)
    count = event.detail.get("count") if isinstance(event.detail, dict) else None
    if kind is None:
        return event.target_type.replace("_", " ").replace("-", " ")
    if isinstance(count, int) and count > 1:
        return f"{count:,} {kind.plural}"
    return kind.noun


def actions_of(target: str = "") -> list[tuple[str, str]]:
    """The known actions, of one kind or all, with the noun of each."""
    return [
        (action, kind.noun)
        for kind in list_kinds()
        if target in ("", kind.target)
        for action in kind.verbs
    ]
