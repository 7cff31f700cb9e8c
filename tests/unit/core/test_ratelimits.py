"""Rate limits: exact alone, together through Redis, and never waiting for it."""

import socket
import time
from collections.abc import Iterator

import pytest
import redis
from django.conf import settings

from controlplane.core.http.ratelimits import WINDOW_SECONDS, RateCounter, Rule
from controlplane.core.ids import uuid7

MINUTE = 1_000_000 * WINDOW_SECONDS
NOWHERE = "redis://127.0.0.1:1/0"


class Clock:
    def __init__(self) -> None:
        self.at = float(MINUTE)

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.CACHES["default"]["LOCATION"]) as found:
        yield found


def counter_of(clock: Clock) -> RateCounter:
    # Nothing is exchanged unless the test says so.
    return RateCounter(NOWHERE, clock=clock, exchange_seconds=3_600)


def rule(limit: int, name: str = "key:a") -> Rule:
    return Rule(name, limit)


def test_the_limit_is_met_exactly_and_the_window_ends(clock: Clock) -> None:
    counter = counter_of(clock)
    clock.at += 20
    verdicts = [counter.hit([rule(3)]) for _ in range(5)]
    assert [v.is_allowed for v in verdicts] == [True, True, True, False, False]
    assert [v.remaining for v in verdicts] == [2, 1, 0, 0, 0]
    assert {v.limit for v in verdicts} == {3}
    assert {v.reset_seconds for v in verdicts} == {40}
    clock.at += 40
    assert counter.hit([rule(3)]).is_allowed


def test_the_rule_nearest_to_its_limit_decides(clock: Clock) -> None:
    counter = counter_of(clock)
    for name in ("key:a", "key:b", "key:c"):
        verdict = counter.hit([rule(2, name), rule(3, "workspace:w")])
        assert verdict.is_allowed
    assert verdict.limit == 3
    assert not counter.hit([rule(2, "key:d"), rule(3, "workspace:w")]).is_allowed


def test_what_was_refused_is_not_counted(clock: Clock) -> None:
    counter = counter_of(clock)
    assert not counter.hit([rule(5, "key:a"), rule(0, "workspace:w")]).is_allowed
    assert counter.hit([rule(1, "key:a")]).is_allowed


def test_processes_count_together(clock: Clock, client: redis.Redis) -> None:
    shared = rule(10, f"key:{uuid7()}")
    one, two = counter_of(clock), counter_of(clock)
    for counter in (one, two):
        for _ in range(4):
            assert counter.hit([shared]).is_allowed
        counter.exchange(client)
    one.hit([shared])
    one.exchange(client)
    assert one.hit([shared]).remaining == 0
    assert not one.hit([shared]).is_allowed
    (key,) = client.keys(f"taskplane:rate:*:{shared.subject}")
    assert 0 < client.ttl(key) <= 2 * WINDOW_SECONDS


def test_what_could_not_be_sent_goes_with_the_next_exchange(
    clock: Clock, client: redis.Redis
) -> None:
    shared = rule(10, f"key:{uuid7()}")
    one, two = counter_of(clock), counter_of(clock)
    one.hit([shared])
    with pytest.raises(redis.ConnectionError):
        one.exchange(redis.Redis.from_url(NOWHERE))
    one.hit([shared])
    one.exchange(client)
    two.hit([shared])
    two.exchange(client)
    assert two.hit([shared]).remaining == 6


def test_counts_of_a_window_that_has_ended_change_nothing(
    clock: Clock, client: redis.Redis
) -> None:
    counter, shared = counter_of(clock), rule(10, f"key:{uuid7()}")
    counter.hit([shared])

    class Slow:
        """A Redis that answers in the next minute."""

        def pipeline(self, **options: object) -> "redis.client.Pipeline":
            clock.at += WINDOW_SECONDS
            counter.hit([shared])
            return client.pipeline(transaction=False)

    counter.exchange(Slow())  # type: ignore[arg-type] # only this method is used
    assert counter.hit([shared]).remaining == 8


def test_the_thread_exchanges_by_itself(clock: Clock, client: redis.Redis) -> None:
    url = settings.CACHES["default"]["LOCATION"]
    one = RateCounter(url, clock=clock, exchange_seconds=0.01)
    two = RateCounter(url, clock=clock, exchange_seconds=0.01)
    shared = rule(1_000, f"key:{uuid7()}")
    for counter in (one, one, one, two):
        counter.hit([shared])
    key = f"taskplane:rate:{int(clock.at // WINDOW_SECONDS)}:{shared.subject}"
    deadline = time.monotonic() + 5
    while client.get(key) != b"4":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_frozen_redis_costs_a_request_nothing(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        # It takes connections and never answers.
        counter = RateCounter(
            f"redis://127.0.0.1:{frozen.getsockname()[1]}/0", clock=clock, exchange_seconds=0
        )
        waits = []
        for _ in range(2_000):
            started = time.perf_counter()
            assert counter.hit([rule(10_000)]).is_allowed
            waits.append(time.perf_counter() - started)
            time.sleep(0.0002)
        assert sorted(waits)[1_900] < 0.1  # a busy machine may stop any of them for longer
        assert counter.hit([rule(10_000)]).remaining == 7_999
