"""Percentiles of histograms against those of the times themselves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.core.runtime.histograms import (
    HIGHEST,
    LARGEST_ERROR,
    LOWEST,
    RATIO,
    bucket_of,
    cumulate,
    merge,
    percentile,
    value_of,
)

times = st.floats(min_value=0.011, max_value=8e9)
shares = st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0])


def histogram(values: list[float]) -> dict[int, int]:
    return merge({bucket_of(value): 1} for value in values)


@given(st.lists(times, min_size=1, max_size=200), shares)
def test_a_percentile_is_within_the_documented_error(values: list[float], share: float) -> None:
    exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    found = percentile(histogram(values), share)
    assert found is not None
    assert abs(found - exact) <= exact * (LARGEST_ERROR + 1e-9)


@given(st.lists(st.lists(times, max_size=30), max_size=10), shares)
def test_merging_loses_nothing(minutes: list[list[float]], share: float) -> None:
    hour = merge(histogram(minute) for minute in minutes)
    together = histogram([value for minute in minutes for value in minute])
    assert hour == together
    assert percentile(hour, share) == percentile(together, share)


@given(times)
def test_a_time_lies_in_its_bucket(value: float) -> None:
    bucket = bucket_of(value)
    assert RATIO ** (bucket - 1) * (1 - 1e-9) < value <= RATIO**bucket * (1 + 1e-9)


@pytest.mark.parametrize(
    ("value", "bucket"), [(-5, LOWEST), (0, LOWEST), (1e-6, LOWEST), (1.0, 0), (1e12, HIGHEST)]
)
def test_ends(value: float, bucket: int) -> None:
    assert bucket_of(value) == bucket


def test_no_times_have_no_percentile() -> None:
    assert percentile({}, 0.95) is None


def test_error_is_below_five_percent() -> None:
    assert value_of(10) / RATIO**10 == pytest.approx(1 - LARGEST_ERROR)
    assert LARGEST_ERROR < 0.05


def test_cumulating() -> None:
    assert cumulate({-3: 2, 5: 1, 6: 4}, [-4, -3, 5, 100]) == [0, 2, 3, 7]
