"""Histograms, meters and slots."""

import itertools

import pytest
from django.template import Context, Template

from controlplane.core.admin.bars import (
    MAX_COLUMNS,
    Bin,
    draw_histogram,
    draw_meter,
    draw_slots,
    fold,
)
from controlplane.core.runtime.histograms import bucket_of


def write(milliseconds):
    return f"{milliseconds:.0f} ms"


def test_buckets_are_folded_without_losing_one():
    counts = {bucket_of(ms): ms for ms in (1, 20, 300, 4_000, 50_000)}
    bins = fold(counts, columns=12)
    assert len(bins) <= 12
    assert sum(each.count for each in bins) == sum(counts.values())
    assert all(a.high == pytest.approx(b.low) for a, b in itertools.pairwise(bins))
    assert bins[0].low < 1 <= bins[0].high
    assert bins[-1].high >= 50_000


def test_without_times_there_are_no_columns():
    assert fold({}) == fold({3: 0}) == []
    drawn = draw_histogram([], "Nothing ran.", write, marks=[(5, "p50")])
    assert drawn.columns_drawn == drawn.axis == drawn.marks == drawn.rows == []


def test_the_tallest_column_stays_inside_and_percentiles_stand_at_their_time():
    bins = [Bin(1, 10, 4), Bin(10, 100, 1_000_000), Bin(100, 1_000, 0)]
    drawn = draw_histogram(bins, "Run times.", write, marks=[(10, "p50"), (10**9, "p99")])
    assert all(0 <= column.y <= drawn.height for column in drawn.columns_drawn)
    assert drawn.columns_drawn[1].y == 18  # below the names
    assert drawn.columns_drawn[2].height == 0
    assert [mark.position for mark in drawn.marks] == [33.3, 100]
    assert [text.text for text in drawn.axis] == ["1 ms", "10 ms", "1000 ms"]
    assert drawn.rows[1] == ["10 ms", "100 ms", "1,000,000"]


def test_the_number_of_columns_is_bounded():
    with pytest.raises(ValueError, match=str(MAX_COLUMNS)):
        draw_histogram([Bin(1, 2, 1)] * (MAX_COLUMNS + 1), "Too many.", write)


def test_a_meter_never_exceeds_its_whole():
    drawn = draw_meter([(30, "running"), (90, "failed")], 100, "Busy.")
    assert [(part.x, part.width, part.tone) for part in drawn.parts] == [
        (0, 30, "running"),
        (30, 70, "failed"),
    ]
    assert draw_meter([(1, "running")], 0, "No slots.").parts == []


def test_slots_show_the_busy_ones_first():
    assert draw_slots(1, 1).sentence == "1 of 1 slot busy"
    drawn = draw_slots(2, 4)
    assert [busy for _, busy in drawn.cells] == [True, True, False, False]
    html = Template("{% load charts %}{% slots s %}{% meter m 'thick' %}{% histogram h %}").render(
        Context(
            {
                "s": drawn,
                "m": draw_meter([(1, "running")], 3, "A third."),
                "h": draw_histogram(fold({5: 1, 9: 2}), "Times.", write, marks=[(2, "p95")]),
            }
        )
    )
    assert html.count('class="slot-busy"') == 2
    assert 'width="33.33%"' in html
    assert " style=" not in html
