"""What the processes agree on in Redis."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings

from controlplane.live import coordination
from controlplane.live.coordination import Coordination, Watched

QUEUES = Watched(UUID(int=1), "queues")
TASK = Watched(UUID(int=2), "task:a|b")


@pytest.fixture(autouse=True)
def _empty() -> None:
    redis.Redis.from_url(settings.CHANNELS_REDIS_URL).flushdb()


def run(story: Callable[[Coordination], Coroutine[Any, Any, None]]) -> None:
    async def play() -> None:
        agreed = Coordination(settings.CHANNELS_REDIS_URL)
        try:
            await story(agreed)
        finally:
            await agreed.close()

    asyncio.run(play())


def test_one_process_leads_until_it_resigns_or_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordination, "LEASE_MS", 300)

    async def story(agreed: Coordination) -> None:
        first = await agreed.lead("one")
        assert first is not None
        assert first.is_new
        again = await agreed.lead("one")
        assert again is not None
        assert not again.is_new
        assert await agreed.lead("two") is None
        await agreed.resign("two")  # it is not its to give
        assert await agreed.lead("two") is None
        await agreed.resign("one")
        second = await agreed.lead("two")
        assert second is not None
        assert second.at_ms >= first.at_ms
        await asyncio.sleep(0.5)
        third = await agreed.lead("one")
        assert third is not None
        assert third.is_new

    run(story)


def test_what_is_watched_is_forgotten_unless_it_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coordination, "WATCHED_MS", 600)

    async def story(agreed: Coordination) -> None:
        await agreed.watch([QUEUES, TASK], [TASK])
        lead = await agreed.lead("one")
        assert lead is not None
        assert set(lead.watched) == {QUEUES, TASK}
        assert lead.wanted == [TASK]
        await asyncio.sleep(0.4)
        await agreed.watch([QUEUES], [])
        await asyncio.sleep(0.4)
        lead = await agreed.lead("one")
        assert lead is not None
        assert (lead.watched, lead.wanted) == ([QUEUES], [])
        await agreed.watch([], [])

    run(story)
