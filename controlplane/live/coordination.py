"""What the processes with sockets agree on in Redis: which of them is the broadcaster, what is
watched, and of what a hub needs the whole snapshot.

Times are Redis's own, so the clocks of machines do not matter. All of it may be lost at any moment:
the hubs say every second what they watch, and another broadcaster begins with whole snapshots.
"""

import asyncio
from collections.abc import Awaitable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

# A broadcaster that is gone is replaced after this and a second at most.
LEASE_MS = 3_000
# What a hub watches is forgotten when the hub has not repeated it for so long.
WATCHED_MS = 5_000
# Topics read by one broadcaster; further ones wait until others are left.
MAX_WATCHED = 5_000
_MAX_WANTED = 1_000
_PREFIX = "taskplane:live"

_LEAD = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {0} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
return {holder and 1 or 2, now, redis.call('ZRANGE', KEYS[2], 0, ARGV[3] - 1),
    redis.call('SPOP', KEYS[3], ARGV[4])}
"""
_WATCH = """
local time = redis.call('TIME')
local until_ms = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local split = tonumber(ARGV[2])
for index = 3, #ARGV do
    if index - 2 <= split then redis.call('ZADD', KEYS[1], 'GT', until_ms, ARGV[index])
    else redis.call('SADD', KEYS[2], ARGV[index]) end
end
if split > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1] * 2) end
if #ARGV - 2 > split then redis.call('PEXPIRE', KEYS[2], ARGV[1]) end
return #ARGV - 2
"""
_RESIGN = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

T = TypeVar("T")

# Errors upon which the next try, a moment later, may succeed.
ERRORS = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Watched:
    """A topic of a workspace, by its name."""

    workspace_id: UUID
    topic: str

    @property
    def text(self) -> str:
        return f"{self.workspace_id}|{self.topic}"

    @classmethod
    def read(cls, text: str) -> "Watched":
        workspace, _, topic = text.partition("|")
        return cls(UUID(workspace), topic)


@dataclass(frozen=True, slots=True)
class Lead:
    """The lease of the broadcaster. `at_ms` is the time of Redis; `is_new`: it was not held before.
    `watched` is what somebody watches, `wanted` of what a hub needs the whole snapshot."""

    at_ms: int
    is_new: bool
    watched: list[Watched]
    wanted: list[Watched]


def whole(call: Awaitable[T]) -> Awaitable[T]:
    """A call of Redis's client that is not cancelled with its caller: while it connects it may lose
    that it is cancelled, and its caller would go on for ever."""
    return asyncio.shield(call)


class Coordination:
    """The calls; each raises ERRORS."""

    def __init__(self, url: str) -> None:
        self._redis: Redis = Redis.from_url(
            url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2
        )
        self._lead = self._redis.register_script(_LEAD)
        self._watch = self._redis.register_script(_WATCH)
        self._resign = self._redis.register_script(_RESIGN)

    async def lead(self, token: str) -> Lead | None:
        """Take or renew the lease, and read what is watched; None while another process has it."""
        arguments: list[Any] = [token, LEASE_MS, MAX_WATCHED, _MAX_WANTED]
        state, *found = await whole(
            self._lead(keys=_keys("lease", "watched", "wanted"), args=arguments)
        )
        if not state:
            return None
        at_ms, watched, wanted = found
        return Lead(
            at_ms=int(at_ms),
            is_new=int(state) == 2,
            watched=[Watched.read(text) for text in watched],
            wanted=[Watched.read(text) for text in wanted],
        )

    async def watch(self, watched: Collection[Watched], wanted: Collection[Watched]) -> None:
        """Say what this process watches, for the next seconds, and what it needs whole."""
        if not watched and not wanted:
            return
        arguments: list[Any] = [WATCHED_MS, len(watched)]
        arguments += [each.text for each in (*watched, *wanted)]
        await whole(self._watch(keys=_keys("watched", "wanted"), args=arguments))

    async def resign(self, token: str) -> None:
        """Let another process take the lease at once."""
        await whole(self._resign(keys=_keys("lease"), args=[token]))

    async def close(self) -> None:
        await self._redis.aclose()


def _keys(*names: str) -> list[str]:
    return [f"{_PREFIX}:{name}" for name in names]
