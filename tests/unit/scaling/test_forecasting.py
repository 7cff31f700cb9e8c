"""Which model speaks, and when it is believed."""

import json
import math
import random

import pytest

from scaling.forecasting import MODELS, History, Tournament
from scaling.forecasting.history import DAY, KEPT

FIRST = 20_000_000  # a minute of the epoch


def feed(tournament: Tournament, counts: list[int], first: int = FIRST) -> None:
    for k, count in enumerate(counts):
        tournament.observe(first + k, count)


def quarters(minutes: int) -> list[int]:
    """Five a minute, and 80 more at every quarter of an hour."""
    return [5 + 80 * (k % 15 == 0) for k in range(minutes)]


def test_spikes_on_the_clock_are_foretold_to_the_minute() -> None:
    tournament = Tournament()
    feed(tournament, quarters(3 * DAY + 12))
    said = tournament.forecast()
    assert said is not None
    assert said.trusted
    assert said.model in ("sharp-profile", "hourly")
    assert said.per_minute == (5, 5, 5, 85, 5, 5)
    assert said.rate(said.start + 3 * 60 + 59) == pytest.approx(85 / 60)
    assert said.rate(said.start + 6 * 60) == 0.0
    assert said.rate(said.start - 1) == 0.0


def test_a_smooth_day_is_foretold_by_a_smooth_model() -> None:
    rng = random.Random(5)
    day = [40 + 35 * math.sin(math.tau * k / DAY) for k in range(DAY)]
    counts = [max(0, round(rng.gauss(day[k % DAY], day[k % DAY] ** 0.5))) for k in range(4 * DAY)]
    tournament = Tournament()
    feed(tournament, counts)
    said = tournament.forecast()
    assert said is not None
    assert (said.model, said.trusted) == ("profile", True)
    assert said.per_minute[2] == pytest.approx(day[2], abs=6)


def test_forecasts_are_not_believed_before_they_are_proved() -> None:
    young = Tournament()
    feed(young, quarters(3 * DAY - 1))
    assert (said := young.forecast()) is not None
    assert not said.trusted
    noise = random.Random(6)
    wrong = Tournament()
    feed(wrong, [noise.choice([0, 200]) if (k // 37) % 2 else 20 for k in range(4 * DAY)])
    assert (said := wrong.forecast()) is not None
    assert said.trusted == (min(ratio for _, ratio in said.errors) <= 1)
    assert Tournament().forecast() is None


def test_what_is_written_down_goes_on_as_if_nothing_had_happened() -> None:
    counts = quarters(2 * DAY)
    one, other = Tournament(), Tournament()
    feed(one, counts[:2_000])
    feed(other, counts[:2_000])
    other = Tournament.from_json(json.loads(json.dumps(other.to_json())))
    for each in (one, other):
        feed(each, counts[2_000:], FIRST + 2_000)
    assert one.forecast() == other.forecast()
    assert one.to_json() == other.to_json()


def test_gaps_are_unknown_old_news_is_ignored_and_memory_is_bounded() -> None:
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


@pytest.mark.parametrize("name", MODELS)
def test_no_model_looks_ahead(name: str) -> None:
    counts = quarters(8 * DAY)
    known, more = History(FIRST, counts[: 7 * DAY]), History(FIRST, counts[: 7 * DAY] + [9_999] * 9)
    end = FIRST + 7 * DAY
    for minute in range(end, end + 6):
        assert MODELS[name](known, end, minute) == MODELS[name](more, end, minute)
