"""The span of the page: what an address means, and never more than 720 buckets."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.ops.performance.span import (
    DEFAULT,
    HOUR,
    LONGEST,
    MAX_BUCKETS,
    MINUTE,
    PRESETS,
    SHORTEST,
    read_span,
)

AT = datetime(2026, 11, 27, 3, 17, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "step", "buckets"),
    [
        ("15m", MINUTE, 16),
        ("1h", MINUTE, 61),
        ("6h", 2 * MINUTE, 181),
        ("24h", 5 * MINUTE, 289),
        ("7d", HOUR, 169),
        ("30d", 2 * HOUR, 361),
    ],
)
def test_presets(name: str, step: timedelta, buckets: int) -> None:
    span = read_span({"span": name}, AT)
    assert (span.name, span.step, span.end) == (name, step, AT)
    assert span.buckets == buckets
    assert span.query == f"span={name}"


@pytest.mark.parametrize(
    "params",
    [
        {}, {"span": "1y"}, {"span": "<b>"}, {"from": "yesterday", "to": "today"},
        {"from": "2026-11-27T03:00:00Z"}, {"from": "2026-11-27T03:00:00", "to": "2026-11-27"},
        {"from": "2026-11-27T03:00:00Z", "to": "2026-11-27T02:00:00Z"},
        {"from": "0001-01-01T00:00:00+23:00", "to": "0001-01-01T00:00:00+23:59"},
    ],
)  # fmt: skip
def test_what_is_no_span_is_the_last_hour(params: dict[str, str]) -> None:
    assert read_span(params, AT).name == DEFAULT


def test_a_selection() -> None:
    span = read_span({"from": "2026-11-27T02:30:30Z", "to": "2026-11-27T03:00:00Z"}, AT)
    assert (span.begin.minute, span.step, span.name) == (30, MINUTE, "")
    assert span.query == "from=2026-11-27T02%3A30%3A00.000Z&to=2026-11-27T03%3A00%3A00.000Z"
    older = read_span({"from": "2026-11-10T02:30:00Z", "to": "2026-11-10T03:30:00Z"}, AT)
    assert (older.unit, older.begin.minute) == (HOUR, 0)


def test_a_selection_of_a_day_is_the_same_when_its_file_asks_for_it() -> None:
    params = {"from": "2026-11-26T02:30:30Z", "to": "2026-11-27T02:30:30Z"}
    span = read_span(params, AT)
    assert span.step == 5 * MINUTE
    assert read_span(dict(parse_qsl(span.query)), AT) == span


@given(
    ago=st.timedeltas(timedelta(days=-30), timedelta(days=365)),
    length=st.timedeltas(timedelta(seconds=1), timedelta(days=90)),
)
def test_any_selection_has_bounds(ago: timedelta, length: timedelta) -> None:
    begin = AT - ago
    params = {"from": begin.isoformat(), "to": (begin + length).isoformat()}
    span = read_span(params, AT)
    assert 1 <= span.buckets <= MAX_BUCKETS
    assert span.end <= AT
    assert SHORTEST <= span.end - span.begin <= LONGEST + HOUR
    assert (span.begin - datetime(1970, 1, 1, tzinfo=UTC)) % span.unit == timedelta()


def test_presets_are_bounded() -> None:
    assert all(read_span({"span": name}, AT).buckets <= MAX_BUCKETS for name in PRESETS)
