"""Snapshots for those who poll: one read a second for all of them."""

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from controlplane.core.clock import now
from controlplane.core.process_state import register_reset
from controlplane.live.changes import Snapshot
from controlplane.live.messages import VERSION, Kind
from controlplane.live.topics import Watchable, read_snapshot

_FRESH_SECONDS = 1.0
_MAX_KEPT = 100


@dataclass(frozen=True, slots=True)
class PolledTopic:
    """A topic and when it was read."""

    topic: str
    at: datetime
    every: float
    data: Snapshot
    v: int = VERSION
    kind: str = Kind.SNAPSHOT.value


_lock = threading.Lock()
_kept: dict[tuple[UUID, str], tuple[float, PolledTopic]] = {}
register_reset(_kept.clear)


def poll(workspace_id: UUID, watchable: Watchable) -> PolledTopic:
    """The topic, at most a second old. Raises NotFound, TooLarge."""
    key = workspace_id, watchable.name
    until, polled = _kept.get(key, (0.0, None))
    if polled is not None and until > time.monotonic():
        return polled
    at = now()
    data = read_snapshot(workspace_id, watchable)
    polled = PolledTopic(watchable.name, at, watchable.topic.every_seconds, data)
    with _lock:
        if len(_kept) >= _MAX_KEPT:
            _kept.clear()
        _kept[key] = time.monotonic() + _FRESH_SECONDS, polled
    return polled
