"""The hub: what one process receives of the topics that its viewers watch, and passes on to them.

It subscribes once for each topic, whatever the number of viewers, and does for each viewer no more
than to say that there is something new: a viewer takes it when its client can read.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.conf import settings

from controlplane.live.broadcaster import Broadcaster
from controlplane.live.coordination import ERRORS, Coordination, Watched, whole
from controlplane.live.feeds import Feed, Viewer
from controlplane.live.messages import Publication, group_of

UPKEEP_SECONDS = 1.0
# A topic that nobody watches any more is kept for those who come back, as after a reload.
LINGER_SECONDS = 3.0
# Without viewers for so long the process stops taking part; the next viewer starts it again.
_IDLE_SECONDS = 10.0

logger = logging.getLogger(__name__)


class Hub:
    """That of one event loop. It starts with the first viewer."""

    def __init__(self, url: str, layer: Any) -> None:
        self._layer = layer
        self._coordination = Coordination(url)
        self._tasks: list[asyncio.Task[None]] = []
        self._feeds: dict[Watched, Feed] = {}
        self._wanted: set[Watched] = set()
        self._has_news = asyncio.Event()
        self._channel: str | None = None
        self._idle_since = time.monotonic()
        self._is_away = False
        self.viewers: set[Viewer] = set()

    def add(self, viewer: Viewer) -> None:
        """Take part while there is this viewer."""
        self.viewers.add(viewer)
        self._start()

    def remove(self, viewer: Viewer, watched: Iterable[Watched]) -> None:
        """The viewer has left; it watched these."""
        for each in watched:
            self.unsubscribe(viewer, each)
        self.viewers.discard(viewer)
        if not self.viewers:
            self._idle_since = time.monotonic()

    def subscribe(self, viewer: Viewer, watched: Watched) -> Feed:
        """The feed of a topic, whose news the viewer is given from now on."""
        feed = self._feeds.get(watched)
        if feed is None:
            feed = self._feeds[watched] = Feed(watched)
        feed.left_at = None
        feed.viewers.add(viewer)
        if feed.snapshot is None:
            self._want(watched)
        return feed

    def unsubscribe(self, viewer: Viewer, watched: Watched) -> None:
        feed = self._feeds.get(watched)
        if feed is not None:
            feed.viewers.discard(viewer)
            if not feed.viewers:
                feed.left_at = time.monotonic()

    def _want(self, watched: Watched) -> None:
        self._wanted.add(watched)
        self._has_news.set()

    def _start(self) -> None:
        if self._tasks:
            return
        parts = (self._receive, self._keep_up, self._broadcast)
        self._tasks = [asyncio.ensure_future(self._go_on(part)) for part in parts]

    async def _go_on(self, part: Callable[[], Awaitable[None]]) -> None:
        """Run a part of the hub to its end; after a mistake in it, again."""
        while True:
            try:
                await part()
            except Exception:
                logger.exception("Live updates failed, and begin again in a moment.")
                await asyncio.sleep(UPKEEP_SECONDS)
            else:
                return

    async def _broadcast(self) -> None:
        await Broadcaster(self._coordination, self._publish).run()

    async def _stop(self) -> None:
        """End what `_start` began. Called by one of the tasks itself, which ends last."""
        tasks, self._tasks = self._tasks, []
        self._channel = None
        me = asyncio.current_task()
        for task in tasks:
            if task is not me:
                task.cancel()
        await asyncio.gather(*(each for each in tasks if each is not me), return_exceptions=True)

    async def _publish(self, publication: Publication) -> None:
        await self._layer.group_send(group_of(publication.watched), publication.to_layer())

    async def _receive(self) -> None:
        """Follow the broadcaster, for as long as the hub takes part."""
        self._channel = None
        for feed in self._feeds.values():
            feed.is_joined = False
        while self._channel is None:
            try:
                self._channel = await whole(self._layer.new_channel())
            except ERRORS:
                await asyncio.sleep(UPKEEP_SECONDS)
        self._has_news.set()
        while True:
            message = await self._layer.receive(self._channel)
            try:
                publication = Publication.from_layer(message)
            except (KeyError, ValueError) as error:
                logger.warning("Live message of another release: error=%s", error)
                continue
            self._take(publication)

    def _take(self, publication: Publication) -> None:
        feed = self._feeds.get(publication.watched)
        if feed is None:
            return
        if not feed.take(publication, time.monotonic()):
            self._want(publication.watched)
        for viewer in feed.viewers:
            viewer.notice(publication.watched)

    async def _keep_up(self) -> None:
        """Repeat each second what is watched, and at once what is new."""
        while True:
            with suppress(TimeoutError):
                # Not wait_for, which may swallow that it is cancelled (until Python 3.12).
                async with asyncio.timeout(UPKEEP_SECONDS):
                    await self._has_news.wait()
            self._has_news.clear()
            now = time.monotonic()
            if not self.viewers and now - self._idle_since > _IDLE_SECONDS:
                if await self._leave_idle():
                    return
                continue
            try:
                await self._join_and_leave(now)
                await self._say_what_is_watched()
            except ERRORS as error:
                if not self._is_away:
                    logger.warning("Live updates cannot be followed: error=%s", error)
                self._is_away = True
                await asyncio.sleep(UPKEEP_SECONDS)
            else:
                self._is_away = False
            for viewer in tuple(self.viewers):
                viewer.tick(now)

    async def _join_and_leave(self, now: float) -> None:
        if self._channel is None:
            return
        for watched, feed in list(self._feeds.items()):
            if feed.left_at is not None and now - feed.left_at > LINGER_SECONDS:
                del self._feeds[watched]
                self._wanted.discard(watched)
                await whole(self._layer.group_discard(group_of(watched), self._channel))
            elif not feed.is_joined:
                await whole(self._layer.group_add(group_of(watched), self._channel))
                feed.is_joined = True

    async def _say_what_is_watched(self) -> None:
        watched = [each for each, feed in self._feeds.items() if feed.left_at is None]
        wanted, self._wanted = self._wanted, set()
        try:
            await self._coordination.watch(watched, wanted)
        except ERRORS:
            self._wanted |= wanted
            raise

    async def _leave_idle(self) -> bool:
        """Stop taking part, unless somebody has come while the topics were left."""
        for watched, feed in list(self._feeds.items()):
            del self._feeds[watched]
            if feed.is_joined and self._channel is not None:
                with suppress(*ERRORS):
                    await whole(self._layer.group_discard(group_of(watched), self._channel))
        if self.viewers:
            return False
        self._wanted.clear()
        await self._stop()
        return True


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def get_hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub(settings.CHANNELS_REDIS_URL, get_channel_layer())
    return hub
