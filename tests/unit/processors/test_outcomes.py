"""Which outcomes an ordinary `except Exception` may catch."""

import asyncio

import pytest

from tasks_app.processors import Fail, RetryLater, Snooze, TaskCancelled, TaskTimedOut


@pytest.mark.parametrize(
    "outcome",
    [TaskCancelled(), TaskTimedOut(), RetryLater(1, "busy"), Snooze(1, "too early")],
    ids=lambda outcome: type(outcome).__name__,
)
def test_except_exception_does_not_swallow_it(outcome: BaseException) -> None:
    def work() -> None:
        raise outcome

    def handler() -> str:
        try:
            work()
        except Exception:  # noqa: BLE001 - what handlers do, and what this is about
            return "swallowed"
        return "done"

    with pytest.raises(type(outcome)):
        handler()


def test_a_failure_is_an_ordinary_error() -> None:
    with pytest.raises(Exception, match="no such customer") as caught:
        raise Fail("no such customer")

    assert caught.value.reason == "no such customer"


def test_they_pass_through_tasks_of_asyncio() -> None:
    async def inner() -> None:
        raise Snooze(5, "later")

    async def outer() -> None:
        await asyncio.gather(inner())

    with pytest.raises(Snooze) as caught:
        asyncio.run(outer())

    assert (caught.value.delay_seconds, caught.value.reason) == (5.0, "later")


@pytest.mark.parametrize("kind", [RetryLater, Snooze])
@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 31 * 24 * 3_600])
def test_an_impossible_delay_is_refused(kind: type[RetryLater | Snooze], seconds: float) -> None:
    with pytest.raises(ValueError, match="30 days"):
        kind(seconds)
