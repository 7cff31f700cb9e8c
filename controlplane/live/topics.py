"""The topics: what can be watched, who may watch it, and how it is read.

An app declares its topics with `register` in its module `live`, which is imported where topics are
served:

    register(Topic("queues", read=read_queues, resource="queues"))
    register(Topic("task:<id>", read=read_task, resource="tasks", read_key=read_uuid))

`read(workspace_id, key)` returns the whole snapshot, a JSON object, in a bounded number of queries,
whatever the history. One read serves all who watch: what users wrote goes through `represent` with
the actor WATCHER, who may see what every member with the topic's role may see. Leave out what
changes with the clock alone, such as ages: give the time, and the reader counts.

A topic is read at least every LONGEST_PERIOD: a page is "Live" with data of at most three seconds,
and what is read less often could not be.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.utils.module_loading import autodiscover_modules

from controlplane.core.errors import NotFound, TooLarge
from controlplane.core.ids import parse_uuid
from controlplane.core.sql import release_connection
from controlplane.live.changes import Snapshot
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import ActorKind, Role

Read = Callable[[UUID, str], Snapshot]

# For `represent`: nobody who may watch a topic sees more than this.
WATCHER = Actor(kind=ActorKind.SYSTEM.value, id="", label="live", role=Role.VIEWER)
MAX_SNAPSHOT_BYTES = 1_048_576
MAX_NAME_LENGTH = 2_000
# In seconds; the rest of three is for the read and its way to the page.
SHORTEST_PERIOD, LONGEST_PERIOD = 1.0, 2.0
_READ_SECONDS = 5.0
_SHOWN = 100
_PATTERN = re.compile(r"[a-z][a-z0-9-]*(:<[a-z-]+>)?")


class UnknownTopic(NotFound):
    """There is no such topic."""


def no_key(text: str) -> str:
    """For topics without a key."""
    return text


def read_uuid(text: str) -> str:
    """A key that is an id, in its one form. Raises ValueError."""
    return str(parse_uuid(text))


@dataclass(frozen=True, slots=True)
class Topic:
    """Something to watch. `pattern` is a name, or a name with a key as in `task:<id>`; `resource`
    is the scope that a key needs, as in `tasks:read`; `read_key` gives the one form of a key and
    raises ValueError. It is read every `every_seconds`."""

    pattern: str
    read: Read
    resource: str
    role: Role = Role.VIEWER
    every_seconds: float = 1.0
    read_key: Callable[[str], str] = no_key

    @property
    def name(self) -> str:
        return self.pattern.partition(":")[0]

    @property
    def has_key(self) -> bool:
        return ":" in self.pattern


@dataclass(frozen=True, slots=True)
class Watchable:
    """A topic with its key, in its one form."""

    topic: Topic
    key: str

    @property
    def name(self) -> str:
        """As clients name it."""
        return f"{self.topic.name}:{self.key}" if self.topic.has_key else self.topic.name


_registered: dict[str, Topic] = {}


def register(topic: Topic) -> None:
    """Let a topic be watched. Raises ValueError: the name is taken, or not a name."""
    if not _PATTERN.fullmatch(topic.pattern):
        raise ValueError(f"{topic.pattern!r} is not the pattern of a topic.")
    if not SHORTEST_PERIOD <= topic.every_seconds <= LONGEST_PERIOD:
        raise ValueError(
            f"The topic {topic.pattern!r} is to be read every {SHORTEST_PERIOD:g} to "
            f"{LONGEST_PERIOD:g} s, not every {topic.every_seconds:g} s."
        )
    if _registered.get(topic.name, topic).read.__module__ != topic.read.__module__:
        raise ValueError(f"There are two topics {topic.name!r}.")
    _registered[topic.name] = topic


@cache
def discover() -> None:
    """Import every app's `live`, the first time."""
    autodiscover_modules("live")


def list_topics() -> list[Topic]:
    discover()
    return sorted(_registered.values(), key=lambda topic: topic.name)


def split_name(name: str) -> tuple[str, str]:
    """The workspace and the topic of a name such as `payments/queues`; a name without a workspace
    is for that of the socket, and has an empty one."""
    workspace, slash, topic = name.partition("/")
    return (workspace, topic) if slash and ":" not in workspace else ("", name)


def find_topic(name: str) -> Watchable:
    """The topic that a client names. Raises UnknownTopic."""
    discover()
    first, colon, key = name.partition(":")
    topic = _registered.get(first)
    if topic is None or topic.has_key != bool(colon) or len(name) > MAX_NAME_LENGTH:
        raise UnknownTopic(f"There is no topic {name[:_SHOWN]!r}.")
    try:
        return Watchable(topic, topic.read_key(key))
    except ValueError as error:
        raise UnknownTopic(
            f"{name[:_SHOWN]!r} is not a topic of the form {topic.pattern}."
        ) from error


def read_snapshot(workspace_id: UUID, watchable: Watchable) -> Snapshot:
    """The topic as it is now, as plain JSON. Gives the connection back.

    Raises: NotFound: what the key names is not there. TooLarge. DatabaseError.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true)", [f"{_READ_SECONDS}s"]
            )
            found = watchable.topic.read(workspace_id, watchable.key)
    finally:
        release_connection()
    text = orjson.dumps(found)
    if len(text) > MAX_SNAPSHOT_BYTES:
        raise TooLarge(
            f"{watchable.name} has {len(text)} bytes; the limit is {MAX_SNAPSHOT_BYTES}."
        )
    snapshot: Snapshot = orjson.loads(text)
    return snapshot


def rows(pairs: Iterable[tuple[Any, Mapping[str, Any]]]) -> dict[str, Any]:
    """A list of rows as topics have it: `rows` by id, and their `order`."""
    found = {str(key): row for key, row in pairs}
    return {"rows": found, "order": list(found)}


def take_fitting(pairs: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Mapping[str, Any]]:
    """The first of these rows, by id, that fit into a snapshot that has no other."""
    taken: dict[str, Mapping[str, Any]] = {}
    left = MAX_SNAPSHOT_BYTES - len(orjson.dumps(rows(())))
    for key, row in pairs:
        # The id is in the order, too; a colon and two commas.
        left -= len(orjson.dumps(row)) + 2 * len(orjson.dumps(key)) + 3
        if left < 0:
            break
        taken[key] = row
    return taken
