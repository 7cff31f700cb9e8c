"""When schedules fire: clock changes in three zones, calendars, forms, and what is refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from controlplane.ops.schedules.timing import TimingError, find_warnings, parse_timing

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def local_times(text: str, zone: str, day: str, days: int = 1) -> list[str]:
    """The nominal times of a local day, as the zone's clock shows them, with their offset."""
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    end = (start + days * DAY).astimezone(UTC) - timedelta(seconds=1)
    times = parse_timing(text, zone).between(start.astimezone(UTC) - MINUTE, end, 2_000)
    return [moment.astimezone(ZoneInfo(zone)).strftime("%H:%M%z") for moment in times]


def test_new_york_spring_fires_a_skipped_time_at_the_end_of_the_gap() -> None:
    zone, day = "America/New_York", "2026-03-08"  # 02:00 becomes 03:00
    assert local_times("30 2 * * *", zone, day) == ["03:00-0400"]
    assert local_times("15,45 2 * * *", zone, day) == ["03:00-0400"]
    assert local_times("30 2,3 * * *", zone, day) == ["03:00-0400", "03:30-0400"]
    assert local_times("0 3 * * *", zone, day) == ["03:00-0400"]
    assert local_times("30 1 * * *", zone, day) == ["01:30-0500"]


def test_new_york_spring_wildcards_go_by_elapsed_time() -> None:
    zone, day = "America/New_York", "2026-03-08"
    assert local_times("*/30 1-3 * * *", zone, day) == [
        "01:00-0500", "01:30-0500", "03:00-0400", "03:30-0400",
    ]  # fmt: skip
    assert local_times("*/20 2 * * *", zone, day) == []
    assert len(local_times("0 * * * *", zone, day)) == 23
    assert len(local_times("* * * * *", zone, day)) == 23 * 60


def test_new_york_autumn_fires_a_repeated_time_once() -> None:
    zone, day = "America/New_York", "2026-11-01"  # 02:00 becomes 01:00
    assert local_times("30 1 * * *", zone, day) == ["01:30-0400"]
    assert local_times("30 0,1,2 * * *", zone, day) == ["00:30-0400", "01:30-0400", "02:30-0500"]
    # Asked in the middle of the repetition, the time has passed.
    within = at("2026-11-01T06:10:00+00:00")  # 01:10, the second time
    assert parse_timing("30 1 * * *", zone).next_after(within) == at("2026-11-02T06:30:00+00:00")


def test_new_york_autumn_wildcards_go_by_elapsed_time() -> None:
    zone, day = "America/New_York", "2026-11-01"
    assert local_times("*/30 1 * * *", zone, day) == [
        "01:00-0400", "01:30-0400", "01:00-0500", "01:30-0500",
    ]  # fmt: skip
    assert len(local_times("0 * * * *", zone, day)) == 25
    assert len(local_times("* * * * *", zone, day)) == 25 * 60


def test_berlin_spring() -> None:
    zone, day = "Europe/Berlin", "2026-03-29"  # 02:00 becomes 03:00
    assert local_times("30 2 * * *", zone, day) == ["03:00+0200"]
    assert local_times("0 2 * * *", zone, day) == ["03:00+0200"]
    assert local_times("*/30 2-3 * * *", zone, day) == ["03:00+0200", "03:30+0200"]
    assert len(local_times("*/15 * * * *", zone, day)) == 23 * 4


def test_berlin_autumn() -> None:
    zone, day = "Europe/Berlin", "2026-10-25"  # 03:00 becomes 02:00
    assert local_times("30 2 * * *", zone, day) == ["02:30+0200"]
    assert local_times("0 3 * * *", zone, day) == ["03:00+0100"]
    assert local_times("*/30 2 * * *", zone, day) == [
        "02:00+0200", "02:30+0200", "02:00+0100", "02:30+0100",
    ]  # fmt: skip
    assert len(local_times("*/15 * * * *", zone, day)) == 25 * 4


def test_lord_howe_spring_skips_half_an_hour() -> None:
    zone, day = "Australia/Lord_Howe", "2026-10-04"  # 02:00 becomes 02:30
    assert local_times("15 2 * * *", zone, day) == ["02:30+1100"]
    assert local_times("0,30 2 * * *", zone, day) == ["02:30+1100"]
    assert local_times("*/10 2 * * *", zone, day) == ["02:30+1100", "02:40+1100", "02:50+1100"]
    assert local_times("*/30 3 * * *", zone, day) == ["03:00+1100", "03:30+1100"]
    assert len(local_times("* * * * *", zone, day)) == 23 * 60 + 30


def test_lord_howe_autumn_repeats_half_an_hour() -> None:
    zone, day = "Australia/Lord_Howe", "2026-04-05"  # 02:00 becomes 01:30
    assert local_times("45 1 * * *", zone, day) == ["01:45+1100"]
    assert local_times("*/15 1 * * *", zone, day) == [
        "01:00+1100", "01:15+1100", "01:30+1100", "01:45+1100", "01:30+1030", "01:45+1030",
    ]  # fmt: skip
    assert local_times("*/30 2 * * *", zone, day) == ["02:00+1030", "02:30+1030"]
    assert local_times("0 */3 * * *", zone, day)[:2] == ["00:00+1100", "03:00+1030"]
    assert len(local_times("* * * * *", zone, day)) == 24 * 60 + 30


def test_leap_days() -> None:
    timing = parse_timing("0 12 29 2 *", "Europe/Berlin")
    times = timing.between(at("2026-01-01T00:00:00Z"), at("2040-01-01T00:00:00Z"), 10)
    assert [moment.year for moment in times] == [2028, 2032, 2036]
    assert parse_timing("* * * 2 MON#5").next_after(at("2026-01-01T00:00:00Z")) == at(
        "2044-02-29T00:00:00Z"
    )


def test_month_ends() -> None:
    year = at("2026-01-01T00:00:00Z"), at("2026-12-31T23:59:00Z")
    last = parse_timing("30 6 L * *").between(*year, 20)
    assert [moment.day for moment in last] == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    thirty_first = parse_timing("30 6 31 * *").between(*year, 20)
    assert [moment.month for moment in thirty_first] == [1, 3, 5, 7, 8, 10, 12]


def test_two_day_fields_mean_either_unless_one_begins_with_a_star() -> None:
    span = at("2026-06-01T00:00:00Z") - MINUTE, at("2026-06-30T23:59:00Z")
    either = parse_timing("0 0 13 * FRI").between(*span, 20)
    assert [moment.day for moment in either] == [5, 12, 13, 19, 26]
    both = parse_timing("0 0 */2 * FRI").between(*span, 20)
    assert [moment.day for moment in both] == [5, 19]


@pytest.mark.parametrize(
    ("text", "words", "following"),
    [
        ("@hourly", "Every hour, on the hour (UTC)", "2026-05-05T06:00:00Z"),
        ("@daily", "At 00:00 every day (UTC)", "2026-05-06T00:00:00Z"),
        ("@midnight", "At 00:00 every day (UTC)", "2026-05-06T00:00:00Z"),
        ("@weekly", "At 00:00 every Sunday (UTC)", "2026-05-10T00:00:00Z"),
        ("@monthly", "At 00:00 on the 1st of every month (UTC)", "2026-06-01T00:00:00Z"),
        ("@yearly", "At 00:00 on 1 January (UTC)", "2027-01-01T00:00:00Z"),
        ("@annually", "At 00:00 on 1 January (UTC)", "2027-01-01T00:00:00Z"),
        ("@every 90s", "Every 90 seconds", "2026-05-05T05:07:30Z"),
        ("@every 15m", "Every 15 minutes", "2026-05-05T05:15:00Z"),
        ("@every 1h", "Every hour", "2026-05-05T06:00:00Z"),
        ("2026-05-05T08:00:00+02:00", "Once, on 5 May 2026 at 06:00 UTC", "2026-05-05T06:00:00Z"),
    ],
)
def test_forms(text: str, words: str, following: str) -> None:
    timing = parse_timing(text)
    assert timing.words() == words
    assert timing.next_after(at("2026-05-05T05:06:07Z")) == at(following)


def test_a_period_counts_from_its_anchor_to_the_second() -> None:
    anchor = at("2026-05-05T05:06:07.5Z")
    timing = parse_timing("@every 2h", anchor=anchor)
    assert timing.next_after(anchor) == at("2026-05-05T07:06:07Z")
    assert timing.next_after(at("2026-05-01T00:00:00Z")) == at("2026-05-01T01:06:07Z")
    started = parse_timing("@every 2h", anchor=anchor, start_at=at("2026-06-01T00:00:00Z"))
    assert started.next_after(anchor) == at("2026-06-01T00:00:00Z")


def test_bounds_are_from_start_until_before_end() -> None:
    start, end = at("2026-05-05T00:00:00Z"), at("2026-05-07T00:00:00Z")
    timing = parse_timing("@daily", start_at=start, end_at=end)
    assert timing.between(start - 9 * DAY, end + 9 * DAY, 99) == [start, start + DAY]
    assert timing.next_after(start + DAY) is None


def test_a_time_fires_once() -> None:
    timing = parse_timing("2026-05-05T08:00:00Z")
    assert timing.next_after(at("2026-05-05T07:59:59Z")) == at("2026-05-05T08:00:00Z")
    assert timing.next_after(at("2026-05-05T08:00:00Z")) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 0 21 * *", "At 00:00 on the 21st of every month (UTC)"),
        ("0 0 11,22,23 * *", "At 00:00 on the 11th, 22nd and 23rd of every month (UTC)"),
    ],
)
def test_words_have_the_right_ordinals(text: str, words: str) -> None:
    assert parse_timing(text).words() == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("*/5 * * * *", "Every 5 minutes"),
        ("0-59/30 * * * *", "Every 30 minutes"),
        ("*/22 * * * *", "At 0, 22 and 44 minutes past every hour"),
        ("5 * * * *", "At 5 minutes past every hour"),
        ("0 */2 * * *", "Every 2 hours, on the hour"),
        ("0 */5 * * *", "At 00:00, 05:00, 10:00, 15:00 and 20:00 every day"),
        ("*/15 9-17 * * 1-5", "Every 15 minutes from 09:00 to 17:45 on weekdays"),
        ("* 9,11 * * *", "Every minute during the hours of 09:00 and 11:00"),
        ("0 0 13 * FRI", "At 00:00 on the 13th of every month and every Friday"),
        ("0 0 13 6 FRI", "At 00:00 on 13 June and every Friday in June"),
        ("0 0 */2 6 FRI", "At 00:00 on every 2nd day of June from the 1st if it is a Friday"),
        ("0 0 13 * */4", "At 00:00 on the 13th of every month if it is a Thursday or a Sunday"),
        ("0 0 * * 5L", "At 00:00 on the last Friday of every month"),
        ("0 0 9 6 2", "At 00:00 on 9 June and every Tuesday in June"),
        ("0 0 L * *", "At 00:00 on the last day of every month"),
        ("0 0 * * FRI-MON", "At 00:00 from Friday to Monday"),
        ("0 0 * * sat,sun", "At 00:00 at weekends"),
        ("0 0 * NOV-FEB *", "At 00:00 every day from November to February"),
        ("0 22-2 * * *", "Every hour from 22:00 to 02:00"),
        ("0 0 29 2 *", "At 00:00 on 29 February"),
        ("0 8 * * 1-5", "At 08:00 on weekdays"),
        ("0 8 * * 1,3,5", "At 08:00 on Mondays, Wednesdays and Fridays"),
        ("30 */6 * * *", "At 00:30, 06:30, 12:30 and 18:30 every day"),
        ("5 */3 * * *", "Every 3 hours, at 5 minutes past"),
        ("0,10 8-18 * * *", "At 0 and 10 minutes past each hour from 08:00 to 18:00"),
        ("0 0 1-7 6,7 *", "At 00:00 on the 1st to 7th of June and July"),
        ("0 0 1 11-2 *", "At 00:00 on the 1st of every month from November to February"),
        ("0 0 * 6 1#1", "At 00:00 on the first Monday of June"),
        ("*/5 * * 6 *", "Every 5 minutes in June"),
    ],
)  # fmt: skip
def test_words_say_when_it_fires(text: str, words: str) -> None:
    assert parse_timing(text).words() == f"{words} (UTC)"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("@Daily", "@daily"),
        ("@HOURLY", "@hourly"),
        ("@Every 15M", "@every 15m"),
        ("0 0 * * mon-SUN", "0 0 * * *"),
        ("0 0 * * FRI-MON", "0 0 * * 0,1,5,6"),
        ("0 0 * * 7-2", "0 0 * * 0,1,2"),
        ("0 0 * * FRI-MON/2", "0 0 * * FRI,SUN"),
        ("0 22-2 * * *", "0 0,1,2,22,23 * * *"),
        ("50-10/10 1 * * *", "0,10,50 1 * * *"),
        ("0 0 25-5 * *", "0 0 1-5,25-31 * *"),
        ("0 0 1 nov-Feb *", "0 0 1 1,2,11,12 *"),
        ("6-6/2 * * * *", "6 * * * *"),
    ],
)
def test_equal_schedules_fire_at_the_same_times(text: str, same: str) -> None:
    start, end = at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")
    times = parse_timing(text).between(start, end, 300)
    assert times == parse_timing(same).between(start, end, 300)
    assert times


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("*/90 * * * *", "'*/90' has no effect: the only minute is 0. Write 0, or @every 90m"),
        ("*/60 * * * *", "the only minute is 0"),
        ("0 */24 * * *", "@every 24h"),
        ("0 0 */31 * *", "@every 31d"),
        ("0 0 1 */12 *", "the only month is 1. Write 1."),
        ("0 0 * * */7", "the only day of week is 0"),
        ("55/5 * * * *", "the only minute is 55"),
        ("10-12/5 * * * *", "the only minute is 10"),
        ("0 0 L/2 * *", "'L/2' has no effect: write L."),
        ("0 0 lw/2 * *", "'LW/2' has no effect: write LW."),
        ("0 0 31 2 FRI", "'31' has no effect"),
    ],
)
def test_what_has_no_effect_is_noted(text: str, sentence: str) -> None:
    (warning,) = find_warnings(parse_timing(text))
    assert sentence in warning


@pytest.mark.parametrize(
    "text",
    ["*/5 * * * *", "0/30 * * * *", "0 0 */16 * *", "0 0 29 2 FRI", "0 0 L * MON", "@every 1h"],
)
def test_what_has_an_effect_is_not_noted(text: str) -> None:
    assert find_warnings(parse_timing(text)) == []


@pytest.mark.parametrize(
    ("text", "zone", "field", "message"),
    [
        ("0 0 30 2 *", "UTC", "schedule", "never fires"),
        ("* * 31 4,6 *", "UTC", "schedule", "never fires"),
        ("0 0 30 2 */2", "UTC", "schedule", "never fires"),
        ("* * * * * *", "UTC", "schedule", "without seconds"),
        ("61 * * * *", "UTC", "schedule", "Bad minute"),
        ("* * * * 5L/2", "UTC", "schedule", "Bad day-of-week"),
        ("", "UTC", "schedule", "Five cron fields"),
        ("@fortnightly", "UTC", "schedule", "@weekly"),
        ("@every", "UTC", "schedule", "such as 90s"),
        ("@every 0s", "UTC", "schedule", "from 1s to 366d"),
        ("@every 367d", "UTC", "schedule", "from 1s to 366d"),
        ("@every 999999999d", "UTC", "schedule", "from 1s to 366d"),
        ("2026-05-05T08:00:00", "UTC", "schedule", "has no offset"),
        ("2026-02-30T08:00:00Z", "UTC", "schedule", "is not a time"),
        ("0001-01-01T00:00:00+14:00", "UTC", "schedule", "too far away"),
        ("1," * 100 + "1 * * * *", "UTC", "schedule", "200 characters"),
        ("@daily", "Europe/Berln", "timezone", "Did you mean Europe/Berlin?"),
        ("@daily", "asia/tokyo", "timezone", "Did you mean Asia/Tokyo?"),
        ("@daily", "", "timezone", "no time zone"),
        ("@daily", "localtime", "timezone", "no time zone"),
    ],
)
def test_what_is_refused_says_why(text: str, zone: str, field: str, message: str) -> None:
    with pytest.raises(TimingError) as refused:
        parse_timing(text, zone)
    assert refused.value.field == field
    assert message in refused.value.message
