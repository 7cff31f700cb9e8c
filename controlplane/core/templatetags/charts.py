"""Charts in templates: drawn as SVG at the server, with the same figures as a table."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from django import template
from django.utils.safestring import SafeString

from controlplane.core.admin.bars import Histogram, Meter, Slots
from controlplane.core.admin.charts import Chart, Spark
from controlplane.core.formatting import format_number

register = template.Library()


@register.inclusion_tag("dashboard/chart.html")
def chart(drawing: Chart, key: str = "") -> dict[str, Any]:
    """A line chart. `key` names its figure for charts.js: give one to a chart that is drawn again
    with newer figures."""
    return {"chart": drawing, "key": key}


@register.inclusion_tag("dashboard/histogram.html")
def histogram(drawing: Histogram, key: str = "") -> dict[str, Any]:
    """Columns of equal width."""
    return {"chart": drawing, "key": key}


@register.inclusion_tag("dashboard/spark.html")
def spark(drawing: Spark, key: str = "") -> dict[str, Any]:
    """A small line without axes."""
    return {"spark": drawing, "key": key}


@register.inclusion_tag("dashboard/meter.html")
def meter(drawing: Meter, css: str = "") -> dict[str, Any]:
    """A bar of parts of a whole."""
    return {"meter": drawing, "css": css}


@register.inclusion_tag("dashboard/slots.html")
def slots(drawing: Slots) -> dict[str, Any]:
    """The slots of a node, one cell each."""
    return {"slots": drawing}


@register.inclusion_tag("dashboard/legend.html")
def legend(*drawings: Chart) -> dict[str, Any]:
    """The names of the lines with their newest values."""
    return {"lines": [line for drawing in drawings for line in drawing.legend]}


@register.inclusion_tag("dashboard/chart_table.html")
def chart_table(*drawings: Chart | Histogram, title: str = "") -> dict[str, Any]:
    """The figures of charts with the same times as one table behind a button. It stands before the
    charts, which it replaces while it is open."""
    first, *others = drawings
    columns = [*first.columns, *(name for each in others for name in each.columns[1:])]
    rows = [
        [*row, *(cell for each in others for cell in each.rows[number][1:])]
        for number, row in enumerate(first.rows)
    ]
    return describe_table(title or first.sentence, columns, rows)


@register.inclusion_tag("dashboard/chart_table.html")
def bar_table(
    bars: Sequence[tuple[str, int, float]], name: str, figure: str, title: str
) -> dict[str, Any]:
    """The same for the bars of `bar_chart`; `name` and `figure` are the headings."""
    rows = [[each, format_number(number)] for each, number, _ in bars]
    return describe_table(title, [name, figure], rows)


def describe_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """The context of dashboard/chart_table.html."""
    return {"title": title, "columns": columns, "rows": rows, "body": _write(rows)}


def _write(rows: Iterable[Sequence[str]]) -> SafeString:
    """The body of a table. A loop of the template takes ten times as long, for thousands of
    cells."""
    return SafeString(
        "".join(
            f'<tr><th scope="row">{escape(first)}</th>'
            + "".join([f'<td class="number">{escape(cell)}</td>' for cell in cells])
            + "</tr>"
            for first, *cells in rows
        )
    )
