"""What can be done in bulk: kinds of objects (targets), and the verbs for them.

An app declares its targets and verbs with `register` in its module `bulk_verbs`, which is imported
where bulk operations are shown, started or carried out. A verb calls the app's services; it gets
the keys of one chunk in an open transaction, and returns the result for each object.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.module_loading import autodiscover_modules

from controlplane.core.formatting import format_count
from controlplane.core.schema import Request
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import Role

# Objects of one transaction: few, so that their rows are locked for a short time.
CHUNK = 200

Rows = QuerySet[Any]


@dataclass(frozen=True, slots=True)
class Described:
    """An object for people: its key, its name, and its state as a word."""

    key: str
    name: str
    state: str


def _names_nobody(conditions: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
    """For a filter without `me`."""
    return conditions


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of object. `key` is the column by which its objects are named and ordered; `page` the
    admin's name of its pages, as in `tasks_app_task`."""

    name: str
    noun: str
    resource: str  # of a key's scopes
    key: str
    page: str
    list_all: Callable[[UUID], Rows]
    # The conditions of a JSON object. Raises Invalid.
    read_filter: Callable[[Mapping[str, Any]], Any]
    is_everything: Callable[[Any], bool]
    narrow: Callable[[UUID, Any], Rows]
    describe: Callable[[Rows], list[Described]]
    # A key as text. Raises ValueError.
    read_key: Callable[[str], Any]
    plural: str = ""
    # The JSON object with the actor in the place of `me`: somebody else carries it out.
    name_caller: Callable[[Mapping[str, Any], Actor], Mapping[str, Any]] = _names_nobody

    @property
    def plural_noun(self) -> str:
        return self.plural or f"{self.noun}s"

    def count(self, number: int) -> str:
        """`1 task`, `2,000 tasks`."""
        return format_count(number, self.noun, self.plural)


@dataclass(frozen=True, slots=True)
class Selected:
    """What a verb would be applied to. `count` is the planner's estimate if `is_estimate`."""

    workspace_id: UUID
    rows: Rows
    count: int
    is_estimate: bool
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The objects of one transaction. If an earlier operation is being undone, `before` has what it
    noted of them, and `undone` its options."""

    workspace_id: UUID
    keys: Sequence[Any]
    options: Mapping[str, Any]
    reason: str
    actor: Actor
    before: Mapping[Any, str] = field(default_factory=dict)
    undone: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Applied:
    """The result of a chunk: changed objects, each with what an undo compares and restores; and
    sentences about those that needed no change, and those that were refused. An object that is in
    none of the three needed no change."""

    changed: dict[Any, str] = field(default_factory=dict)
    unchanged: dict[Any, str] = field(default_factory=dict)
    refused: dict[Any, str] = field(default_factory=dict)


def _no_check(actor: Actor, rows: Rows) -> None:
    """Nothing more is needed than role and scopes."""


@dataclass(frozen=True, slots=True)
class BulkVerb:
    """One thing to do to many objects.

    `select` narrows the rows of a filter to those to which it applies. `consequence` says in a
    sentence what would happen. `undone_by` names the verb that undoes it; without one it cannot be
    undone. `needs_origin`: it is for the objects of an earlier operation only. `shows_reason`: who
    looks at an object reads the reason, so that people must give one. `check` raises Forbidden for
    what an actor's key may not do beside `scopes`.
    """

    target: Target
    name: str
    title: str
    select: Callable[[Rows, Any], Rows]
    apply: Callable[[Chunk], Applied]
    consequence: Callable[[Selected], str]
    role: Role = Role.OPERATOR
    scopes: tuple[str, ...] = ()
    options: type[Request] | None = None
    check: Callable[[Actor, Rows], None] = _no_check
    undone_by: str = ""
    needs_origin: bool = False
    shows_reason: bool = False
    chunk: int = CHUNK


_verbs: dict[tuple[str, str], BulkVerb] = {}


def register(*verbs: BulkVerb) -> None:
    """Let these be done in bulk."""
    for verb in verbs:
        _verbs[verb.target.name, verb.name] = verb


@cache
def discover() -> None:
    """Import every app's `bulk_verbs`, the first time."""
    autodiscover_modules("bulk_verbs")


def list_verbs(target: str = "") -> list[BulkVerb]:
    """The verbs for a kind of object, or all."""
    discover()
    return [verb for verb in _verbs.values() if target in ("", verb.target.name)]


def find_verb(target: str, name: str) -> BulkVerb | None:
    discover()
    return _verbs.get((target, name))
