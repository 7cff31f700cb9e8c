"""Numbers, durations, sizes and times as people read them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from controlplane.core.formatting import (
    EMPTY,
    format_clock,
    format_compact,
    format_count,
    format_duration,
    format_elapsed,
    format_json,
    format_number,
    format_percent,
    format_relative,
    format_short_id,
    format_size,
    format_state,
    format_time,
    format_whole,
    shorten,
)

AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, EMPTY), (0, "0"), (1_234_567, "1,234,567"), (-1_000, "-1,000"),
        (0.0, "0"), (0.125, "0.125"), (2.5, "2.5"), (99.5, "99.5"), (1_234.4, "1,234"),
        (True, "yes"), (False, "no"), ("text", "text"),
    ],
)  # fmt: skip
def test_numbers(value: Any, shown: str) -> None:
    assert format_number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, EMPTY), (0, "0"), (1_284, "1,284"), (99_999, "99,999"), (100_000, "100 k"),
        (128_412, "128 k"), (-128_412, "-128 k"), (999_499, "999 k"), (999_500, "1.0 M"),
        (1_250_000, "1.3 M"), (12_400_000, "12 M"), (3_000_000_000, "3.0 G"),
        (10**15, "1,000 T"), (2.5, "2.5"),
    ],
)  # fmt: skip
def test_large_numbers_are_shortened(value: float | None, shown: str) -> None:
    assert format_compact(value) == shown


def test_whole_numbers() -> None:
    assert [format_whole(each) for each in (None, 0.4, 71.5, 1_234.4)] == [
        EMPTY, "0", "72", "1,234",
    ]  # fmt: skip


def test_counts_use_the_singular_for_one_only() -> None:
    assert format_count(1, "task") == "1 task"
    assert format_count(0, "task") == "0 tasks"
    assert format_count(2_000, "task") == "2,000 tasks"
    assert format_count(2, "retry", "retries") == "2 retries"


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (None, EMPTY), (0, "0 %"), (1, "100 %"), (0.5, "50 %"), (0.2463, "24.6 %"),
        (0.996, "99.6 %"), (0.9999, "99.9 %"), (0.004, "0.4 %"), (0.0001, "<0.1 %"),
        (1.5, "150 %"), (0.07, "7 %"), (1.2345, "123.5 %"),
    ],
)  # fmt: skip
def test_percentages_have_one_decimal_unless_they_are_exactly_whole(
    share: float | None, shown: str
) -> None:
    assert format_percent(share) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, EMPTY), (0, "0 ms"), (-3, "0 ms"), (0.04, "40 ms"), (0.9996, "1.0 s"),
        (1, "1 s"), (2.54, "2.5 s"), (2.25, "2.3 s"), (9.96, "10.0 s"), (30.004, "30.0 s"),
        (42, "42 s"), (59.6, "59.6 s"), (59.96, "1 min"), (185, "3 min 05 s"),
        (200, "3 min 20 s"), (3_599.6, "1 h"), (7_500, "2 h 05 min"), (86_400, "1 d"),
        (273_600, "3 d 4 h"),
        (86_400_000, "1,000 d"),
    ],
)  # fmt: skip
def test_durations(seconds: float | None, shown: str) -> None:
    assert format_duration(seconds) == shown


def test_elapsed_needs_both_moments() -> None:
    assert format_elapsed(AT, AT + timedelta(seconds=90)) == "1 min 30 s"
    assert format_elapsed(AT, None) == EMPTY
    assert format_elapsed(None, AT) == EMPTY
    assert format_elapsed(AT, AT - timedelta(seconds=1)) == "0 ms"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (None, EMPTY), (0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (3_500, "3.4 KiB"),
        (220 << 20, "220 MiB"), ((1 << 30) - 1, "1.0 GiB"), (5 << 50, "5,120 TiB"),
    ],
)  # fmt: skip
def test_sizes(number: int | None, shown: str) -> None:
    assert format_size(number) == shown


def test_times_name_their_zone() -> None:
    assert format_time(None) == EMPTY
    assert format_time(AT) == "2026-01-31 12:00:00 UTC"
    assert format_time(AT.astimezone(timezone(timedelta(hours=2)))) == "2026-01-31 12:00:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "now"), (0.9, "now"), (-0.9, "now"), (-1, "1 s ago"), (-59.9, "59 s ago"),
        (-300, "5 min ago"), (3 * 3_600, "in 3 h"), (9_720, "in 2 h 42 min"),
        (-86_399, "23 h 59 min ago"), (-86_400, "2026-01-30 12:00 UTC"),
        (400 * 86_400, "2027-03-07 12:00 UTC"),
    ],
)  # fmt: skip
def test_relative_times(seconds: float, shown: str) -> None:
    assert format_relative(AT + timedelta(seconds=seconds), AT) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "12:00"), (-86_399, "12:00"), (86_399, "11:59"), (-86_400, "2026-01-30 12:00 UTC"),
        (86_400, "2026-02-01 12:00 UTC"),
    ],
)  # fmt: skip
def test_a_time_of_day_has_its_date_from_a_day_on(seconds: float, shown: str) -> None:
    moment = AT + timedelta(seconds=seconds)
    assert format_clock(moment, AT) == shown
    assert format_clock(moment.astimezone(timezone(timedelta(hours=2))), AT) == shown


def test_texts() -> None:
    assert format_relative(None, AT) == EMPTY
    assert format_state("TIMED_OUT") == "timed out"
    assert format_json({"a": "ä"}) == '{\n  "a": "ä"\n}'
    assert format_short_id("0198c4c4-9a3e-7000-8000-0123456789ab") == "…0123456789ab"
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"
