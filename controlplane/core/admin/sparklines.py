"""A small line chart: SVG, drawn on the server."""

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

_WIDTH, _HEIGHT = 360, 48


def sparkline(points: Sequence[tuple[float, float]], *, label: str) -> SafeString:
    """The line through points (time, value), from 0 to the greatest value; `label` describes it.
    Empty for fewer than two points."""
    if len(points) < 2:
        return SafeString("")
    first, last = points[0][0], points[-1][0]
    span = max(last - first, 1e-9)
    most = max(value for _, value in points) or 1.0
    line = " ".join(
        f"{(at - first) / span * _WIDTH:.1f},{_HEIGHT - value / most * (_HEIGHT - 2) - 1:.1f}"
        for at, value in points
    )
    return format_html(
        '<svg role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">'
        '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>',
        label,
        _WIDTH,
        _HEIGHT,
        _WIDTH,
        _HEIGHT,
        line,
    )
