"""What was wrong a moment ago, so that a sentence does not vanish while it is read: it stays for a
minute after it is well again. The record is in Redis, shared by all who read: two processes never
show different sentences for longer than a read takes. It may be lost at any moment.
"""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

import redis
from django.conf import settings
from pydantic import TypeAdapter, ValidationError

from controlplane.core.process_state import register_reset
from controlplane.ops.overview.access import count_wrong
from controlplane.ops.overview.checks import Finding, Harm, Link, order

STAYS = timedelta(seconds=60)
# Nobody looked for so long: what was wrong then is no news.
_FORGOTTEN = timedelta(seconds=30)
# What was counted so long ago is still shown while a page waits for its first live figures.
_KNOWN = timedelta(seconds=5)
_TIMEOUT_SECONDS = 0.5
_SILENT_SECONDS = 10.0
_PREFIX = "taskplane:overview"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """The findings of a workspace when somebody last looked, with those that are well since."""

    at: datetime
    findings: list[Finding]


_RECORD = TypeAdapter(Record)


class _Silence:
    """Until when Redis is not asked, after it did not answer."""

    until = 0.0

    def end(self) -> None:
        self.until = 0.0


_silent = _Silence()
register_reset(_silent.end)

REDIS_DOWN = Finding(
    key="redis",
    harm=Harm.STANDSTILL,
    subject="Redis",
    says="does not answer.",
    why="Tasks are accepted, and start when it is back.",
    link=Link("workers_node_changelist"),
    action="Open workers",
)


def remember(workspace_id: UUID, findings: Sequence[Finding], at: datetime) -> list[Finding]:
    """The findings of now, and those that are well since less than a minute, in their order."""
    key = _key(workspace_id)
    try:
        stored = _client().get(key)
        merged = merge(_parse(stored), findings, at)
        _client().set(key, _RECORD.dump_json(Record(at, merged)), px=STAYS * 2)
    except (redis.RedisError, OSError) as error:
        logger.warning("Findings of a moment ago are unknown: error=%s", error)
        return order([*findings, REDIS_DOWN])
    return merged


def recall_wrong(workspace_id: UUID, at: datetime) -> Counter[str] | None:
    """How many things were wrong, by permission, when somebody looked, a few seconds ago at most;
    None: nobody did, or Redis does not answer: then it is not asked again for a while, since every
    page asks."""
    if time.monotonic() < _silent.until:
        return None
    try:
        record = _parse(_client().get(_key(workspace_id)))
    except (redis.RedisError, OSError) as error:
        _silent.until = time.monotonic() + _SILENT_SECONDS
        logger.warning("Findings of a moment ago are unknown: error=%s", error)
        return None
    if record is None or at - record.at > _KNOWN:
        return None
    return count_wrong(record.findings)


def forget(workspace_id: UUID) -> None:
    """Forget what was wrong. Raises redis.RedisError."""
    _client().delete(_key(workspace_id))


def _key(workspace_id: UUID) -> str:
    return f"{_PREFIX}:{workspace_id}"


def merge(before: Record | None, findings: Sequence[Finding], at: datetime) -> list[Finding]:
    """Findings that are no longer there stay for a minute. Pure."""
    present = {key for finding in findings for key in (finding.key, *finding.keys)}
    found = list(findings)
    if before is not None and at - before.at < _FORGOTTEN:
        for finding in before.findings:
            since = finding.well_since or at
            # One that counts others ends when they have sentences of their own.
            if not finding.keys and finding.key not in present and at - since < STAYS:
                found.append(replace(finding, well_since=since))
    return order(found)


def _parse(stored: object) -> Record | None:
    if not isinstance(stored, bytes):
        return None
    try:
        return _RECORD.validate_json(stored)
    except ValidationError:
        return None  # of another version


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.CHANNELS_REDIS_URL,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
    )
