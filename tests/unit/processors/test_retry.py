"""The back-off: bounded whatever the numbers, never shorter after more failures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks_app.processors.retry import MAX_MS, STRATEGIES, InvalidRetryPolicy, RetryPolicy

attempts = st.integers(min_value=1, max_value=10**400) | st.integers(min_value=1, max_value=60)
chances = st.floats(min_value=0, max_value=1, exclude_max=True)


@st.composite
def policies(draw: st.DrawFn) -> RetryPolicy:
    most = draw(st.integers(min_value=0, max_value=MAX_MS))
    return RetryPolicy(
        strategy=draw(st.sampled_from(STRATEGIES)),
        base_ms=draw(st.integers(min_value=0, max_value=most)),
        factor=draw(st.floats(min_value=1, max_value=1_000)),
        max_ms=most,
        jitter=draw(st.floats(min_value=0, max_value=1)),
    )


@given(policies(), attempts, chances)
def test_a_delay_is_never_negative_nor_above_the_maximum(
    policy: RetryPolicy, failed: int, chance: float
) -> None:
    assert 0 <= policy.delay_ms(failed, lambda: chance) <= policy.max_ms


@given(policies(), attempts, attempts, chances)
def test_more_failures_never_make_the_delay_shorter(
    policy: RetryPolicy, one: int, other: int, chance: float
) -> None:
    fewer, more = sorted((one, other))

    assert policy.delay_ms(fewer, lambda: chance) <= policy.delay_ms(more, lambda: chance)


@given(policies(), attempts, chances)
def test_jitter_takes_off_no_more_than_its_share(
    policy: RetryPolicy, failed: int, chance: float
) -> None:
    full = policy.delay_ms(failed, lambda: 0.0)

    assert policy.delay_ms(failed, lambda: chance) >= int(full * (1 - policy.jitter)) - 1


@given(policies())
def test_json_gives_the_same_policy_back(policy: RetryPolicy) -> None:
    assert RetryPolicy.from_json(policy.to_json()) == policy


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (RetryPolicy(jitter=0), [1_000, 2_000, 4_000, 8_000, 16_000]),
        (RetryPolicy(strategy="linear", jitter=0), [1_000, 2_000, 3_000, 4_000, 5_000]),
        (RetryPolicy(strategy="fixed", jitter=0), [1_000] * 5),
        (RetryPolicy(factor=10, max_ms=5_000, jitter=0), [1_000, 5_000, 5_000, 5_000, 5_000]),
        (RetryPolicy(factor=1, jitter=0), [1_000] * 5),
    ],
)
def test_each_strategy_follows_its_formula(policy: RetryPolicy, expected: list[int]) -> None:
    assert [policy.delay_ms(n, lambda: 0.5) for n in range(1, 6)] == expected


def test_full_jitter_spreads_over_the_whole_wait() -> None:
    policy = RetryPolicy(jitter=1)

    assert policy.delay_ms(1, lambda: 0.0) == 1_000
    assert policy.delay_ms(1, lambda: 0.75) == 250
    assert policy.delay_ms(10_000, lambda: 0.5) == policy.max_ms // 2


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"strategy": "quadratic"}, "strategy"),
        ({"strategy": ["fixed"]}, "strategy"),
        ({"baseMs": -1}, "baseMs"),
        ({"baseMs": 1.5}, "baseMs"),
        ({"baseMs": True}, "baseMs"),
        ({"baseMs": "1000"}, "baseMs"),
        ({"baseMs": 10, "maxMs": 5}, "baseMs"),
        ({"maxMs": MAX_MS + 1}, "maxMs"),
        ({"factor": 0.5}, "factor"),
        ({"factor": float("nan")}, "factor"),
        ({"factor": float("inf")}, "factor"),
        ({"factor": False}, "factor"),
        ({"factor": None}, "factor"),
        ({"jitter": 1.01}, "jitter"),
        ({"jitter": "0.1"}, "jitter"),
        ({"base_ms": 1_000}, "base_ms"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence_that_names_the_field(
    data: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidRetryPolicy, match=field) as caught:
        RetryPolicy.from_json(data)

    assert caught.value.field == field
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("failed", [0, -1])
def test_without_a_failure_there_is_no_delay_to_ask_for(failed: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RetryPolicy().delay_ms(failed, lambda: 0.0)
