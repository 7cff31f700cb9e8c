"""What the log says while Redis is away."""

import logging

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from controlplane.live.outages import OutageFilter


def record(error: Exception) -> logging.LogRecord:
    info = (type(error), error, None)
    return logging.LogRecord("channels_redis.pubsub", 40, "", 1, "Unexpected", (), info)


@pytest.mark.parametrize("error", [RedisConnectionError("gone"), OSError("reset"), TimeoutError()])
def test_an_outage_is_one_line_without_a_traceback(error: Exception) -> None:
    outages = OutageFilter()
    first = record(error)

    assert [outages.filter(each) for each in (first, record(error))] == [True, False]
    assert (first.levelname, first.exc_info) == ("WARNING", None)
    assert first.getMessage() == f"Live updates wait for Redis: error={error}"


def test_a_mistake_is_shown_as_it_is() -> None:
    mistake = record(KeyError("channel"))

    assert all(OutageFilter().filter(each) for each in (mistake, mistake))
    assert mistake.exc_info is not None
