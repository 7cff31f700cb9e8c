"""Generated schedules: their times, and that Celery reads their fields alike."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from celery.schedules import crontab
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.ops.schedules.timing import Timing, TimingError, parse_timing
from controlplane.ops.schedules.timing.fields import plain_fields


@given(st.text(alphabet="0123456789*/,-LW#@everymonsun \x00²é", max_size=30))
def test_any_text_is_a_timing_or_a_timing_error(text: str) -> None:
    try:
        timing = parse_timing(text)
    except TimingError:
        return
    assert timing.words()


def celery_terms(first: int, last: int) -> st.SearchStrategy[str]:
    """One field as Celery takes it, wrapping ranges included."""
    number, step = st.integers(first, last), st.integers(1, last)
    span = st.tuples(number, number).map(lambda ends: f"{ends[0]}-{ends[1]}")
    stepped = st.tuples(st.one_of(st.just("*"), span), step).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    term = st.one_of(st.just("*"), number.map(str), span, stepped)
    return st.lists(term, min_size=1, max_size=3).map(",".join)


@settings(max_examples=300, deadline=None)
@given(
    celery_terms(0, 59), celery_terms(0, 23), celery_terms(1, 28), celery_terms(1, 12),
    celery_terms(0, 6),
)  # fmt: skip
def test_fields_are_read_as_celery_reads_them(
    minute: str, hour: str, day: str, month: str, weekday: str
) -> None:
    mine = CronSim(" ".join(plain_fields((minute, hour, day, month, weekday))), EPOCH)
    theirs = crontab(minute, hour, weekday, day, month)
    assert mine.minutes == theirs.minute
    assert mine.hours == theirs.hour
    assert mine.days == theirs.day_of_month
    assert mine.months == theirs.month_of_year
    assert {day % 7 for day in mine.weekdays if isinstance(day, int)} == theirs.day_of_week


MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


MOMENTS = st.integers(16_436 * 1440, 25_567 * 1440).map(lambda minutes: EPOCH + minutes * MINUTE)


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
)


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    """One cron field."""
    number = st.integers(least, most)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    listed = st.lists(number, min_size=1, max_size=3).map(lambda each: ",".join(map(str, each)))
    stepped = st.integers(1, most).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), st.just("*"), number.map(str), span, listed, stepped)


CRONS = st.tuples(
    numbers(0, 59), numbers(0, 23), numbers(1, 28), numbers(1, 12), numbers(0, 7)
).map(" ".join)


TEXTS = st.one_of(
    CRONS,
    st.sampled_from(["@every 1s", "@every 90s", "@every 7m", "@every 5h", "@every 3d", "@daily"]),
)


@settings(max_examples=150, deadline=None)
@given(TEXTS, ZONES, MOMENTS)
def test_times_only_go_forward_and_between_is_next_after_repeated(
    text: str, zone: str, moment: datetime
) -> None:
    timing = parse_timing(text, zone)
    times = [moment]
    for _ in range(12):
        following = timing.next_after(times[-1])
        assert following is not None
        times.append(following)
    assert all(earlier < later for earlier, later in pairwise(times))
    assert timing.between(moment, times[-1], 99) == times[1:]
    assert timing.between(moment, times[-1], 5) == times[1:6]
    count = timing.count(moment, times[-1], 99)
    assert count is not None
    assert (count.times, count.first, count.last, count.is_exact) == (12, times[1], times[-1], True)


def scan(timing: Timing, text: str, start: datetime, days: int) -> list[datetime]:
    """Every minute whose local reading matches the fields."""
    fields, zone = CronSim(text, start), ZoneInfo(timing.timezone)
    minutes = [start + count * MINUTE for count in range(1, days * 24 * 60 + 1)]
    return [
        minute
        for minute in minutes
        if (local := minute.astimezone(zone)).minute in fields.minutes
        and local.hour in fields.hours
        and local.month in fields.months
        and fields.match_day(local.date())
    ]


@settings(max_examples=60, deadline=None)
@given(CRONS, MOMENTS)
def test_times_are_the_minutes_that_match(text: str, start: datetime) -> None:
    timing = parse_timing(text, "Asia/Kathmandu")  # whose clock does not change
    found = timing.between(start, start + 3 * DAY, 10_000)
    assert found == scan(timing, text, start, 3)


@settings(max_examples=40, deadline=None)
@given(
    CRONS.filter(lambda text: text.split()[0].startswith("*")),
    st.sampled_from(
        [
            ("Australia/Lord_Howe", "2026-04-04"),
            ("Australia/Lord_Howe", "2026-10-03"),
            ("America/New_York", "2026-11-01"),
            ("Europe/Berlin", "2026-03-28"),
        ]
    ),
)
def test_wildcard_times_are_the_minutes_that_match_across_changes(
    text: str, change: tuple[str, str]
) -> None:
    zone, day = change
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    timing = parse_timing(text, zone)
    assert timing.between(start, start + 2 * DAY, 10_000) == scan(timing, text, start, 2)
