"""The attempts of a task on a line: what is beside what, in percent."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tasks_app.admin.timeline import Span, Timeline, draw_timeline

START = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def span(
    number: int, start: float, stop: float, waited: float = 0, outcome: str = "FAILED"
) -> Span:
    return Span(number, at(start), at(stop), timedelta(seconds=waited), outcome)


def draw(*spans: Span, end: float) -> Timeline:
    found = draw_timeline(START, spans, at(end), "failed", seen_at=at(end))
    assert found is not None
    return found


def test_without_an_attempt_there_is_no_line() -> None:
    assert draw_timeline(START, [], at(10), "now", seen_at=at(10)) is None


def test_waits_holds_and_runs_share_the_line() -> None:
    found = draw(span(1, 40, 50, waited=40), span(2, 80, 100, waited=10), end=100)
    assert [(part.kind, part.x, part.width) for part in found.segments] == [
        ("wait", 0.0, 40.0), ("run", 40.0, 10.0), ("hold", 50.0, 20.0), ("wait", 70.0, 10.0),
        ("run", 80.0, 20.0),
    ]  # fmt: skip
    assert found.segments[0].label == "waited 40 s"
    assert [part.label for part in found.segments if part.kind == "run"] == ["#1", "#2"]
    assert [(tick.x, tick.anchor) for tick in found.ticks] == [
        (0.0, "start"), (40.0, "middle"), (100.0, "end"),
    ]  # fmt: skip
    assert "attempt 1 failed after 10 s, back-off 20 s" in found.label


def clocks(seen_at: datetime, *spans: Span, end: float) -> list[str]:
    found = draw_timeline(START, spans, at(end), "failed", seen_at=seen_at)
    assert found is not None
    return [tick.clock for tick in found.ticks]


def test_a_time_of_another_day_has_its_date() -> None:
    short, later = span(1, 10, 50), at(5 * 86_400)
    assert clocks(at(100), short, end=100) == ["03:00:00", "03:01:40"]
    assert clocks(later, short, end=100) == ["2026-11-27 03:00 UTC", "03:01:40"]
    nightly = span(1, 10, 20), span(2, 86_400, 86_410)
    ends = clocks(later, *nightly, end=172_800)
    assert ends == ["2026-11-27 03:00 UTC", "2026-11-28 03:00", "2026-11-29 03:00"]
    # The next attempt is tomorrow.
    assert clocks(at(60), short, end=86_460) == ["03:00:00", "2026-11-28 03:01 UTC"]


def test_what_comes_after_the_last_attempt_is_a_hold() -> None:
    found = draw(span(1, 0, 50), end=100)
    assert (found.segments[-1].kind, found.segments[-1].width) == ("hold", 50.0)


def test_a_short_attempt_among_long_waits_can_still_be_seen() -> None:
    found = draw(span(1, 0, 0.001), span(2, 99_999, 100_000), end=100_000)
    runs = [part for part in found.segments if part.kind == "run"]
    assert all(part.width >= 0.4 and part.x + part.width <= 100 for part in runs)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e5), st.floats(0, 1e5), st.floats(0, 1e6)), min_size=1, max_size=20
    ),
    st.floats(-10, 1e6),
)
def test_everything_stays_on_the_line(
    lengths: list[tuple[float, float, float]], end: float
) -> None:
    """Whatever clocks have written: waits longer than there was time, ends before starts."""
    spans, moment = [], 0.0
    for number, (gap, run, waited) in enumerate(lengths, 1):
        start = moment + gap
        moment = start + run
        spans.append(span(number, start, moment, waited))
    for part in draw(*spans, end=end).segments:
        assert 0 <= part.x <= 100
        assert 0 <= part.width <= 100.01
        assert part.x + part.width <= 100.02
