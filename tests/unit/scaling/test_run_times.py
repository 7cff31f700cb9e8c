"""The histogram of run times says what the run times themselves say."""

import random

import pytest

from scaling.simulation.fleet import Durations
from scaling.simulation.traces import run_time
from scaling.strategies import RunTimes


def test_the_chance_to_go_on_is_that_of_the_measured_tasks() -> None:
    rng = random.Random(4)
    seconds = [run_time(rng) for _ in range(20_000)]
    known = RunTimes.of(seconds)
    for age, after in ((1.0, 5.0), (10.0, 30.0), (60.0, 60.0), (200.0, 60.0)):
        reached = [each for each in seconds if each > age]
        share = sum(1 for each in reached if each > age + after) / len(reached)
        assert known.still_running(age, after) == pytest.approx(share, abs=0.08)


def test_of_what_is_older_than_all_half_lasts_as_long_again() -> None:
    known = RunTimes.of([1.0] * 100)
    assert known.still_running(500.0, 500.0) == pytest.approx(0.5)
    assert RunTimes.of([]).still_running(60.0, 60.0) == pytest.approx(0.5)
    assert known.still_running(500.0, 0.0) == 1.0


def test_run_times_of_any_size_have_a_bin() -> None:
    known = RunTimes.of([0.0, 0.0001, 1e7])
    assert known.tasks == 3
    assert known.survivors(0.0) == pytest.approx(3)
    assert 0 < known.survivors(1e6) <= 1
    assert RunTimes.from_json(known.to_json()) == known


def test_the_newest_thousand_count() -> None:
    durations = Durations()
    for seconds in [100.0] * 500 + [2.0] * 1_000:
        durations.add(seconds)
    assert durations.summary().counts == RunTimes.of([2.0] * 1_000).counts
    assert durations.summary().mean == pytest.approx(2.0)


def test_a_mixture_weighs_its_parts() -> None:
    short, long = RunTimes.of([1.0] * 10), RunTimes.of([100.0] * 500)
    mixed = RunTimes.mixed([(short, 30.0), (long, 10.0)])
    assert mixed.mean == pytest.approx((30 * 1 + 10 * 100) / 40)
    assert mixed.capped == pytest.approx((30 * 1 + 10 * 60) / 40)
    assert mixed.tasks == 1_000
    assert mixed.survivors(10.0) == pytest.approx(250)


def test_a_mixture_of_nothing_is_nothing() -> None:
    assert RunTimes.mixed([(RunTimes.of([]), 5.0), (RunTimes.of([1.0]), 0.0)]).tasks == 0
