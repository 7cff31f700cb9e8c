"""Each test begins with nothing in the Redis of the live updates."""

import pytest
import redis
from django.conf import settings


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    with redis.Redis.from_url(settings.CHANNELS_REDIS_URL) as client:
        client.flushdb()
