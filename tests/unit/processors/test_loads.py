"""The processors for tests and stress: they cost what was asked for, and nothing else."""

import asyncio
import time

import pydantic
import pytest

from tasks_app.processors import registry
from tasks_app.processors.builtin.loads import FlakyError
from tests.unit.processors.recording import RecordingContext


def test_noop_gives_nothing_and_takes_nothing() -> None:
    noop = registry.get("noop")

    assert noop.is_async is False
    assert noop.func(RecordingContext(), noop.validate({})) is None
    with pytest.raises(pydantic.ValidationError):
        noop.validate({"ms": 1})


def test_sleeps_wait_side_by_side() -> None:
    sleep = registry.get("sleep")
    payload = sleep.validate({"ms": 50})

    async def many() -> list[dict[str, float]]:
        return await asyncio.gather(*(sleep.func(RecordingContext(), payload) for _ in range(100)))

    started = time.monotonic()
    results = asyncio.run(many())
    took = time.monotonic() - started

    assert results == [{"ms": 50}] * 100
    assert 0.05 <= took < 3.0  # one after the other would be 5 s


def test_cpu_uses_the_processor() -> None:
    cpu = registry.get("cpu")

    before = time.process_time()
    result = cpu.func(RecordingContext(), cpu.validate({"ms": 50}))

    assert result["rounds"] > 0
    assert time.process_time() - before > 0.001  # a busy machine gives it little of the 50 ms


@pytest.mark.parametrize(("rate", "fails"), [(0, False), (1, True)])
def test_flaky_fails_at_its_rate(rate: float, fails: bool) -> None:
    flaky = registry.get("flaky")
    payload = flaky.validate({"failureRate": rate, "ms": 1})

    if fails:
        with pytest.raises(FlakyError, match="Attempt 2 failed"):
            flaky.func(RecordingContext(attempt=2), payload)
    else:
        assert flaky.func(RecordingContext(), payload) == {"ms": 1}


def test_flaky_fails_sometimes() -> None:
    flaky = registry.get("flaky")
    payload = flaky.validate({"failureRate": 0.5})

    def failed() -> bool:
        try:
            flaky.func(RecordingContext(), payload)
        except FlakyError:
            return True
        return False

    assert 350 < sum(failed() for _ in range(1_000)) < 650  # nine standard deviations


@pytest.mark.parametrize(
    ("name", "payload", "field"),
    [
        ("sleep", {}, "ms"),
        ("sleep", {"ms": -1}, "ms"),
        ("sleep", {"ms": 3_600_001}, "ms"),
        ("cpu", {"ms": "long"}, "ms"),
        ("flaky", {"failureRate": 1.5}, "failureRate"),
        ("flaky", {"failure_rate": 0.5}, "failure_rate"),
    ],
)
def test_a_wrong_payload_names_its_field(name: str, payload: dict[str, object], field: str) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        registry.get(name).validate(payload)

    assert caught.value.errors()[0]["loc"] == (field,)
