"""Counting requests per window of time, together with every other process of the app.

A request is checked against this process's memory only: the counts in Redis at the last exchange,
plus those of this process since then. A separate thread exchanges the counts, so that a slow,
frozen or unreachable Redis delays no request; until it responds, each process counts by itself.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

WINDOW_SECONDS = 60
EXCHANGE_SECONDS = 0.1
SOCKET_TIMEOUT_SECONDS = 1.0
RETRY_SECONDS = 2.0
_PREFIX = "taskplane:rate"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `limit` requests per window for the `subject` (`key:…`, `workspace:…`)."""

    subject: str
    limit: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of the rule that is closest to its limit."""

    is_allowed: bool
    limit: int
    remaining: int
    reset_seconds: int


class _Count:
    __slots__ = ("known", "unsent")

    def __init__(self) -> None:
        self.known = 0  # of all processes, at the last exchange
        self.unsent = 0  # counted here since


class RateCounter:
    """The counts of this process, exchanged with Redis while there is something to exchange."""

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], float] = time.time,
        exchange_seconds: float = EXCHANGE_SECONDS,
        window_seconds: int = WINDOW_SECONDS,
    ) -> None:
        self._url = url
        self._window_seconds = window_seconds
        self._clock = clock
        self._exchange_seconds = exchange_seconds
        self._lock = threading.Lock()
        self._window = 0
        self._counts: dict[str, _Count] = {}
        self._has_news = threading.Event()
        self._thread: threading.Thread | None = None

    def hit(self, rules: Sequence[Rule]) -> Verdict:
        """Count one request under every rule, unless one of them forbids it."""
        now = self._clock()
        with self._lock:
            self._enter_window(now)
            verdict = self._judge(rules, now)
            if verdict.is_allowed:
                self._add(rules)
        if verdict.is_allowed:
            self._announce()
        return verdict

    def look(self, rules: Sequence[Rule]) -> Verdict:
        """The result of `hit`, without counting. Does not read the counts of other processes."""
        now = self._clock()
        with self._lock:
            self._enter_window(now)
            return self._judge(rules, now)

    def add(self, rules: Sequence[Rule]) -> None:
        """Count one request under every rule, even beyond a limit."""
        with self._lock:
            self._enter_window(self._clock())
            self._add(rules)
        self._announce()

    def _judge(self, rules: Sequence[Rule], now: float) -> Verdict:
        left = [rule.limit - self._count(rule.subject) for rule in rules]
        nearest = left.index(min(left))
        return Verdict(
            is_allowed=min(left) > 0,
            limit=rules[nearest].limit,
            remaining=max(0, left[nearest] - 1),
            reset_seconds=max(1, self._window_seconds - int(now % self._window_seconds)),
        )

    def _count(self, subject: str) -> int:
        count = self._counts.get(subject)
        return count.known + count.unsent if count else 0

    def _add(self, rules: Sequence[Rule]) -> None:
        for rule in rules:
            self._counts.setdefault(rule.subject, _Count()).unsent += 1

    def _enter_window(self, now: float) -> None:
        window = int(now // self._window_seconds)
        if window != self._window:
            self._window = window
            self._counts.clear()

    def _announce(self) -> None:
        self._has_news.set()
        if self._thread is not None and self._thread.is_alive():
            return
        with self._lock:
            # None the first time; not alive in a process that was forked from ours.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._exchange_forever, name="rate-limits", daemon=True
                )
                self._thread.start()

    def _exchange_forever(self) -> None:
        client = redis.Redis.from_url(
            self._url,
            socket_timeout=SOCKET_TIMEOUT_SECONDS,
            socket_connect_timeout=SOCKET_TIMEOUT_SECONDS,
            retry=None,
        )
        is_away = False
        while True:
            self._has_news.wait()
            time.sleep(RETRY_SECONDS if is_away else self._exchange_seconds)
            self._has_news.clear()
            try:
                self.exchange(client)
            except redis.RedisError as error:
                if not is_away:
                    logger.warning(
                        "Redis unreachable, rate limits counted per process: error=%s", error
                    )
                is_away = True
                self._has_news.set()
            else:
                if is_away:
                    logger.info("Redis reachable again, rate limits shared")
                is_away = False

    def exchange(self, client: redis.Redis) -> None:
        """Add this process's counts to Redis, and read the totals. Raises: redis.RedisError:
        nothing is lost; the next exchange sends the counts.
        """
        with self._lock:
            window = self._window
            sent = {name: c.unsent for name, c in self._counts.items() if c.unsent}
        if not sent:
            return
        pipeline = client.pipeline(transaction=False)
        for name, amount in sent.items():
            key = f"{_PREFIX}:{window}:{name}"
            pipeline.incrby(key, amount)
            # For one window more: clocks of two machines differ a little.
            pipeline.expire(key, 2 * self._window_seconds)
        totals = pipeline.execute()[::2]
        with self._lock:
            if window != self._window:
                return
            for (name, amount), total in zip(sent.items(), totals, strict=True):
                count = self._counts[name]
                count.known = int(total)
                count.unsent -= amount


@cache
def counter() -> RateCounter:
    return RateCounter(settings.CACHES["default"]["LOCATION"])


class RateThrottle(BaseThrottle):
    """429 beyond the limits; `RateLimit-*` on every response, which RequestIdMiddleware writes."""

    _wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        rules = _rules(request)
        if not rules:
            return True
        verdict = counter().hit(rules)
        request._request.rate_limit_headers = {  # type: ignore[attr-defined] # our own attribute
            "RateLimit-Limit": str(verdict.limit),
            "RateLimit-Remaining": str(verdict.remaining),
            "RateLimit-Reset": str(verdict.reset_seconds),
        }
        self._wait = verdict.reset_seconds
        return verdict.is_allowed

    def wait(self) -> float | None:
        return self._wait


def _rules(request: Request) -> list[Rule]:
    actor = getattr(request, "actor", None)
    workspace = getattr(request, "workspace", None)
    found = []
    if actor is not None:
        found.append(Rule(f"{actor.kind}:{actor.id}", settings.TASKPLANE["RATE_LIMIT_PER_KEY"]))
    if workspace is not None:
        per_workspace = settings.TASKPLANE["RATE_LIMIT_PER_WORKSPACE"]
        found.append(Rule(f"workspace:{workspace.pk}", per_workspace))
    return [rule for rule in found if rule.limit]
