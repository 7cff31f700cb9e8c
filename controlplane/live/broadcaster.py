"""The broadcaster: reads what is watched, once a period, and publishes what changed.

Each process with viewers has one; the lease in Redis decides which of them works. What is watched
by thousands is read once. A read that fails leaves the topic as it was: its viewers see the age of
their data, and get the rest when reading works again.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import orjson

from controlplane.core.clock import now, utc_z
from controlplane.core.errors import DomainError, NotFound
from controlplane.core.sql import DATABASE_ERRORS
from controlplane.live.changes import Change, Snapshot, find_change
from controlplane.live.coordination import ERRORS, Coordination, Watched
from controlplane.live.messages import Kind, Publication
from controlplane.live.topics import Watchable, find_topic, read_snapshot

TURN_SECONDS = 0.25
READERS = 4
_RETRY_SECONDS = 1.0
# A topic that is slow to read takes at most this share of a reader.
_MAX_SHARE = 0.25

Publish = Callable[[Publication], Awaitable[None]]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Reading:
    """A topic that is watched, as it was last published."""

    watched: Watched
    watchable: Watchable
    due: float = 0.0
    is_under_way: bool = False
    is_wanted_whole: bool = True
    has_failed: bool = False
    snapshot: Snapshot | None = None
    seq: int = 0
    at: str = ""


@dataclass(slots=True)
class _Timed:
    """One read in a thread: when it began, and how long it took there."""

    reading: _Reading
    begin: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    at: str = ""

    def read(self) -> Snapshot:
        began, self.at = time.monotonic(), utc_z(now())
        try:
            return read_snapshot(self.reading.watched.workspace_id, self.reading.watchable)
        finally:
            self.seconds = time.monotonic() - began


@dataclass
class Broadcaster:
    """One process's. `publish` sends to the hubs of all processes; it raises ERRORS."""

    coordination: Coordination
    publish: Publish
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    epoch: int = 0
    _readings: dict[Watched, _Reading] = field(default_factory=dict)
    # The highest seq of topics that were left in this epoch: a hub may still have their state, and
    # takes equal numbers of one epoch for the same state.
    _left_at_seq: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(READERS, thread_name_prefix="live-reader")
    )

    async def run(self) -> None:
        """Work while this process has the lease, until cancelled; then give it back."""
        try:
            while True:
                seconds = await self._take_turn()
                await asyncio.sleep(seconds)
        finally:
            for task in self._tasks:
                task.cancel()
            self._threads.shutdown(wait=False, cancel_futures=True)
            with suppress(*ERRORS):
                await self.coordination.resign(self.token)

    async def _take_turn(self) -> float:
        """Renew the lease and begin the reads that are due. Returns the seconds until the next."""
        try:
            lead = await self.coordination.lead(self.token)
        except ERRORS as error:
            # Without a lease for sure: the next one begins with whole snapshots.
            if self.epoch:
                logger.warning("Live updates pause, Redis does not answer: error=%s", error)
            self._stop()
            return _RETRY_SECONDS
        if lead is None:
            self._stop()
            return _RETRY_SECONDS
        if lead.is_new or not self.epoch:
            self._stop()
            self.epoch = lead.at_ms
            logger.info("Live updates are sent by this process: epoch=%d", self.epoch)
        self._follow(lead.watched)
        for each in lead.wanted:
            if each in self._readings:
                self._readings[each].is_wanted_whole = True
        self._begin_reads()
        return TURN_SECONDS

    def _stop(self) -> None:
        self.epoch = self._left_at_seq = 0
        self._readings.clear()

    def _follow(self, watched: list[Watched]) -> None:
        """Have a reading of each of these, and of no other."""
        gone = self._readings.keys() - set(watched)
        for each in gone:
            self._left_at_seq = max(self._left_at_seq, self._readings.pop(each).seq)
        for each in watched:
            if each not in self._readings:
                # A hub of a later release may know more topics.
                with suppress(NotFound):
                    watchable = find_topic(each.topic)
                    self._readings[each] = _Reading(each, watchable, seq=self._left_at_seq)

    def _begin_reads(self) -> None:
        at = time.monotonic()
        due = [
            each
            for each in self._readings.values()
            if not each.is_under_way
            and (each.due <= at or (each.is_wanted_whole and each.snapshot is not None))
        ]
        # The longest overdue first, as many as there are readers: the others at the next turn.
        for reading in sorted(due, key=lambda each: each.due):
            reading.is_under_way = True
            task = asyncio.ensure_future(self._read_and_publish(reading))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _read_and_publish(self, reading: _Reading) -> None:
        epoch, started = self.epoch, time.monotonic()
        try:
            if reading.due <= started:
                publication = await self._read(reading, epoch)
            else:
                publication = self._whole(reading, epoch)
            # The lease may have been lost while Postgres worked, or the topic left.
            is_followed = self._readings.get(reading.watched) is reading
            if publication is not None and self.epoch == epoch and is_followed:
                await self.publish(publication)
        except ERRORS as error:
            reading.is_wanted_whole = True
            logger.debug("Live update not sent: topic=%s error=%s", reading.watched.topic, error)
        finally:
            reading.is_under_way = False

    async def _read(self, reading: _Reading, epoch: int) -> Publication | None:
        """What there is to publish after a read, None after one that failed."""
        loop = asyncio.get_running_loop()
        timed = _Timed(reading)
        try:
            found = await loop.run_in_executor(self._threads, timed.read)
        except NotFound:
            reading.snapshot, reading.seq = None, reading.seq + 1
            return Publication(reading.watched, Kind.GONE, epoch, reading.seq, timed.at)
        except (DomainError, *DATABASE_ERRORS) as error:
            if not reading.has_failed:
                logger.warning(
                    "Live topic cannot be read: topic=%s error=%s", reading.watched.topic, error
                )
            reading.has_failed = True
            return None
        except Exception:
            # A mistake in one topic: the others go on.
            if not reading.has_failed:
                logger.exception("Live topic failed: topic=%s", reading.watched.topic)
            reading.has_failed = True
            return None
        finally:
            reading.due = _next_time(timed, reading.watchable.topic.every_seconds)
        reading.has_failed = False
        return self._compare(reading, found, timed.at, epoch)

    def _compare(self, reading: _Reading, found: Snapshot, at: str, epoch: int) -> Publication:
        before, reading.snapshot, reading.at = reading.snapshot, found, at
        change = find_change(before, found) if before is not None else None
        if change is None or change:
            reading.seq += 1
        if change is None or reading.is_wanted_whole:
            return self._whole(reading, epoch)
        if not change:
            return Publication(reading.watched, Kind.SAME, epoch, reading.seq, at)
        return Publication(reading.watched, Kind.CHANGE, epoch, reading.seq, at, _dump(change))

    def _whole(self, reading: _Reading, epoch: int) -> Publication:
        reading.is_wanted_whole = False
        data = orjson.dumps(reading.snapshot)
        return Publication(reading.watched, Kind.SNAPSHOT, epoch, reading.seq, reading.at, data)


def _next_time(timed: _Timed, period: float) -> float:
    """When the topic is due again: at whole periods of the clock, so that viewers of several topics
    get their news together."""
    after = timed.begin + max(period, timed.seconds / _MAX_SHARE) - period
    return (after // period + 1) * period


def _dump(change: Change) -> bytes:
    return orjson.dumps(change.to_json())
