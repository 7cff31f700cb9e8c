"""The geometry of charts: what stands where, and what stays out of the way."""

import itertools
import math
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template

from controlplane.core.admin import scales
from controlplane.core.admin.charts import (
    MAX_BUCKETS,
    Event,
    Frame,
    Objective,
    Series,
    draw_chart,
    draw_spark,
)
from controlplane.core.formatting import EMPTY
from controlplane.core.templatetags.charts import chart_table

BEGIN = datetime(2026, 11, 27, 2, 17, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def write(value):
    return f"{value:g}"


def frame(count, **options):
    times = [BEGIN + MINUTE * number for number in range(count)]
    return Frame(**({"times": times, "zone": UTC, "write": write, "sentence": "A line."} | options))


def draw(values, **options):
    return draw_chart(frame(len(values), **options), [Series("a", values)])


def points(d):
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", d)]


def line_of(chart):
    return next(path.d for path in chart.paths if path.css.startswith("chart-line"))


def test_a_line_goes_from_the_left_edge_to_the_right_one_and_starts_at_zero():
    chart = draw([0, 5, 10])
    assert points(line_of(chart)) == [(0, 172), (500, 86), (1000, 0)]
    assert [tick.text for tick in chart.grid] == ["10", "7.5", "5", "2.5", "0"]
    assert chart.grid[-1].position == chart.height


def test_without_times_there_is_no_line_and_no_axis():
    chart = draw([])
    assert line_of(chart) == ""
    assert chart.axis == []
    assert chart.rows == []


def test_one_time_is_a_dot():
    chart = draw([3])
    assert re.fullmatch(r"M1000 [\d.]+h.1", line_of(chart))
    assert len(chart.axis) == 1


def test_zeros_lie_on_the_bottom():
    chart = draw([0, 0, 0])
    assert {y for _, y in points(line_of(chart))} == {172}
    assert chart.grid[0].text == "1"


@pytest.mark.parametrize("gap", [None, math.nan, math.inf])
def test_a_gap_stays_a_gap(gap):
    chart = draw([1, 2, gap, gap, 3, gap, 1])
    d = line_of(chart)
    assert d.count("M") == 3
    assert d.count("h.1") == 2  # the points that stand alone
    assert [row[1] for row in chart.rows] == ["1", "2", EMPTY, EMPTY, "3", EMPTY, "1"]


def test_an_area_closes_each_stretch_at_the_bottom():
    times = frame(5)
    chart = draw_chart(times, [Series("a", [1, 2, None, 3, 4], has_area=True)])
    area = next(path.d for path in chart.paths if path.css.startswith("chart-area"))
    assert area.count("V172") == area.count("Z") == 2


def test_one_huge_value_stays_inside_the_plot():
    chart = draw([1, 1, 10**15, 1])
    assert all(0 <= y <= 172 for _, y in points(line_of(chart)))
    assert min(y for _, y in points(line_of(chart))) == 0


@pytest.mark.parametrize(
    ("highest", "parts", "texts"),
    [
        (0, 4, ["1", "0"]),
        (0.4, 4, ["0"]),
        (1, 4, ["1", "0"]),
        (2, 4, ["2", "1", "0"]),
        (2.3, 4, ["2", "1", "0"]),
        (2.3, 1, ["2", "0"]),
        (5, 4, ["5", "4", "3", "2", "1", "0"]),
        (5, 2, ["5", "0"]),
        (9, 4, ["10", "5", "0"]),
        (9, 2, ["10", "5", "0"]),
        (20, 4, ["20", "15", "10", "5", "0"]),
        (97, 4, ["100", "75", "50", "25", "0"]),
        (2_400, 4, ["2,500", "2,000", "1,500", "1,000", "500", "0"]),
    ],
)
def test_ticks_of_whole_numbers_are_whole_where_they_stand(
    highest: float, parts: int, texts: list[str]
) -> None:
    scale = scales.linear([highest], 172)
    found = scales.ticks(scale, lambda value: f"{value:,.0f}", parts=parts)
    assert [tick.text for tick in found] == texts
    assert [tick.position for tick in found] == [
        scale(float(text.replace(",", ""))) for text in texts
    ]


def test_ticks_of_small_rates_say_what_they_are() -> None:
    found = scales.ticks(scales.linear([0.9], 172), lambda value: f"{value:.1f}/s", parts=4)
    assert [tick.text for tick in found] == ["1.0/s", "0.8/s", "0.6/s", "0.4/s", "0.2/s", "0.0/s"]


def test_a_logarithmic_axis_names_round_durations_and_holds_zero():
    chart = draw([0.5, 0, 400, 3_000_000], is_logarithmic=True, lowest=0.1)
    ys = [y for _, y in points(line_of(chart))]
    assert all(0 <= y <= 172 for y in ys)
    assert ys[1] == max(ys) == 172
    assert len(chart.grid) <= 5
    assert [tick.position for tick in chart.grid] == sorted(tick.position for tick in chart.grid)


@pytest.mark.parametrize("value", [0.001, 0.01, 0.1, 1.0, 86_400.0])
def test_a_logarithmic_axis_of_one_value_has_a_height(value):
    chart = draw([value, value], is_logarithmic=True, lowest=0.001)
    assert len(chart.grid) >= 1
    assert chart.paths


def test_a_logarithmic_axis_without_values_has_ticks():
    assert draw([None, None], is_logarithmic=True).grid


def test_steps_hold_each_value_until_the_next():
    chart = draw_chart(frame(3), [Series("target", [4, 8, 8], is_stepped=True)])
    assert line_of(chart) == "M0 103.2H500V34.4H1000V34.4"


def test_an_objective_is_dashed_and_what_exceeds_it_is_tinted():
    times = frame(3, objective=Objective(60, "objective of billing", series=0))
    chart = draw_chart(times, [Series("billing", [10, 60, 120], tone="failed")])
    assert chart.target == scales.linear([120], 172, least=60)(60)
    tinted = next(path.d for path in chart.paths if path.css == "excess")
    assert min(y for _, y in points(tinted)) < chart.target
    assert max(y for _, y in points(tinted)) == chart.target
    assert "objective of billing" in [text.text for text in chart.texts]


def test_an_objective_above_every_value_is_on_the_axis():
    chart = draw([1, 2], objective=Objective(500))
    assert 0 <= chart.target <= 172
    assert float(chart.grid[0].text) >= 500


def test_events_stand_at_their_time_and_those_outside_are_left_out():
    chart = draw(
        [1] * 61, events=[Event(BEGIN + MINUTE * 15, "release"), Event(BEGIN - MINUTE, "x")]
    )
    assert [(mark.position, mark.text) for mark in chart.marks] == [(25, "release")]


def test_names_of_close_events_do_not_overlap():
    events = [Event(BEGIN + MINUTE * number, str(number)) for number in (20, 21, 22)]
    chart = draw([1] * 61, events=events)
    assert len({text.y for text in chart.texts}) == 3


def test_labels_at_the_ends_of_lines_are_moved_apart():
    series = [Series(str(number), [5, 5.01 * number]) for number in range(1, 6)]
    chart = draw_chart(frame(2, has_labels=True), series)
    ys = sorted(text.y for text in chart.right)
    assert all(after - before >= 14 for before, after in itertools.pairwise(ys))
    assert ys[0] > 0
    assert ys[-1] <= 176
    assert chart.legend == []


def test_the_table_has_the_same_figures():
    series = [Series("a", [1, 2]), Series("b", [None, 4])]
    chart = draw_chart(frame(2), series)
    table = chart_table(chart, title="Figures")
    assert table["columns"] == ["Time", "a", "b"]
    assert table["rows"] == [
        ["2026-11-27 02:17 UTC", "1", EMPTY],
        ["2026-11-27 02:18 UTC", "2", "4"],
    ]


def test_the_cells_of_the_table_are_text():
    chart = draw([1], write=lambda value: f"<b>{value:g}</b>")
    page = Template("{% load charts %}{% chart_table chart %}").render(Context({"chart": chart}))
    assert '<th scope="row">2026-11-27 02:17 UTC</th>' in page
    assert '<td class="number">&lt;b&gt;1&lt;/b&gt;</td></tr></tbody>' in page


def test_two_charts_of_the_same_times_share_a_table():
    first, second = draw([1, 2]), draw([3, 4])
    assert chart_table(first, second)["rows"][1] == ["2026-11-27 02:18 UTC", "2", "4"]


def test_the_number_of_buckets_is_bounded():
    with pytest.raises(ValueError, match="720"):
        draw([0] * (MAX_BUCKETS + 1))
    with pytest.raises(ValueError, match="720"):
        draw_spark([0] * (MAX_BUCKETS + 1), "A line.")
    with pytest.raises(ValueError, match="one value"):
        draw_chart(frame(2), [Series("a", [1])])


def test_ticks_of_time_are_round_on_the_clock_of_the_zone():
    ticks = scales.time_ticks(BEGIN, BEGIN + 60 * MINUTE, ZoneInfo("Asia/Kathmandu"))
    assert [tick.text for tick in ticks][:2] == ["08:10", "08:20"]
    assert ticks[-1].text == "09:00 +0545"
    assert all(0 <= tick.position <= 100 for tick in ticks)


@pytest.mark.parametrize("minutes", [1, 3, 7, 15, 59, 60, 61, 360, 1_440, 10_080, 43_200, 525_600])
def test_an_axis_has_a_few_ticks_whatever_its_length(minutes):
    ticks = scales.time_ticks(BEGIN, BEGIN + MINUTE * minutes, ZoneInfo("Asia/Kathmandu"))
    assert 1 <= len(ticks) <= 7
    assert len({tick.text for tick in ticks}) == len(ticks)


def test_an_hour_that_comes_twice_is_named_with_its_zone():
    berlin = ZoneInfo("Europe/Berlin")
    begin = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)
    ticks = scales.time_ticks(begin, begin + timedelta(hours=5), berlin)
    texts = [tick.text for tick in ticks]
    assert texts == ["01:00", "02:00", "02:00 CET", "03:00", "04:00 CET"]
    gaps = [b.position - a.position for a, b in itertools.pairwise(ticks)]
    assert max(gaps) - min(gaps) < 0.2  # an hour is an hour


def test_an_hour_that_is_left_out_has_no_tick():
    berlin = ZoneInfo("Europe/Berlin")
    begin = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    texts = [tick.text for tick in scales.time_ticks(begin, begin + timedelta(hours=4), berlin)]
    assert texts == ["01:00", "03:00 CEST", "04:00", "05:00 CEST"]


def test_days_begin_at_midnight_of_the_zone():
    berlin = ZoneInfo("Europe/Berlin")
    begin = datetime(2026, 10, 22, 22, 0, tzinfo=UTC)
    ticks = scales.time_ticks(begin, begin + timedelta(days=5), berlin)
    assert [tick.text for tick in ticks][:3] == ["10-23", "10-24", "10-25"]


def test_a_spark_has_its_objective_inside():
    drawn = draw_spark([1, None, 3], "Rose.", target=10)
    assert 0 < drawn.target < drawn.height
    assert drawn.paths[1].d.count("M") == 2
    assert draw_spark([], "Nothing.").paths[1].d == ""


def test_hostile_names_are_text():
    hostile = '"><script>alert(1)</script>'
    chart = draw_chart(
        frame(2, sentence=hostile, events=[Event(BEGIN, hostile)], has_labels=True),
        [Series(hostile, [1, 2])],
    )
    html = Template("{% load charts %}{% chart_table c %}{% chart c 'x' %}").render(
        Context({"c": chart})
    )
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 4
    assert " style=" not in html
