"""What the forecast predicts, and when it is trusted."""

import math
import random

import pytest

from scaling.forecast import DAY, KEPT, Forecaster, History, predict

FIRST = 20_000_000  # a minute of the epoch


def feed(forecaster: Forecaster, counts: list[int], first: int = FIRST) -> None:
    for k, count in enumerate(counts):
        forecaster.observe(first + k, count)


def quarters(minutes: int) -> list[int]:
    """Five a minute, and 80 more at every quarter of an hour."""
    return [5 + 80 * (k % 15 == 0) for k in range(minutes)]


def test_spikes_on_the_clock_are_predicted_to_the_minute() -> None:
    forecaster = Forecaster()
    feed(forecaster, quarters(3 * DAY + 12))
    forecast = forecaster.forecast()
    assert forecast is not None
    assert forecast.trusted
    assert forecast.error < 0.1
    assert forecast.per_minute == (5, 5, 5, 85, 5, 5)
    assert forecast.rate(forecast.start + 3 * 60 + 59) == pytest.approx(85 / 60)
    assert forecast.rate(forecast.start + 6 * 60) == 0.0
    assert forecast.rate(forecast.start - 1) == 0.0


def test_a_forecast_that_is_worse_than_no_change_is_not_trusted() -> None:
    """The daily curve moves slowly, so the last three minutes say more than three other days."""
    rng = random.Random(5)
    day = [40 + 35 * math.sin(math.tau * k / DAY) for k in range(DAY)]
    counts = [max(0, round(rng.gauss(day[k % DAY], day[k % DAY] ** 0.5))) for k in range(4 * DAY)]
    forecaster = Forecaster()
    feed(forecaster, counts)
    forecast = forecaster.forecast()
    assert forecast is not None
    assert forecast.per_minute[2] == pytest.approx(day[2], abs=12)
    assert forecast.trusted == (forecast.error <= 1)
    wrong = Forecaster()
    feed(wrong, [rng.choice([0, 200]) if (k // 37) % 2 else 20 for k in range(4 * DAY)])
    assert (forecast := wrong.forecast()) is not None
    assert (forecast.trusted, forecast.error > 1) == (False, True)


def test_forecasts_are_not_trusted_before_they_are_proved() -> None:
    young = Forecaster()
    feed(young, quarters(3 * DAY - 1))
    assert (forecast := young.forecast()) is not None
    assert not forecast.trusted
    assert Forecaster().forecast() is None


def test_gaps_are_unknown_old_minutes_are_ignored_and_memory_is_bounded() -> None:
    history = History()
    history.append(100, 4)
    history.append(103, 8)
    history.append(101, 99)
    assert [history.at(minute) for minute in range(99, 105)] == [None, 4, None, None, 8, None]
    assert history.mean(100, 104) == 6
    assert history.mean(101, 103) is None
    for minute in range(104, 104 + KEPT + 2 * DAY):
        history.append(minute, 1)
    assert KEPT <= history.end - history.first <= KEPT + DAY
    history.append(history.end + 10 * KEPT, 7)
    assert (history.end - history.first, history.at(history.first)) == (1, 7)


def test_it_does_not_look_ahead() -> None:
    known, more = History(), History()
    for k, count in enumerate(quarters(7 * DAY)):
        known.append(FIRST + k, count)
        more.append(FIRST + k, count)
    end = FIRST + 7 * DAY
    for minute in range(end, end + 9):
        more.append(minute, 9_999)
    for minute in range(end, end + 6):
        assert predict(known, end, minute) == predict(more, end, minute) is not None
