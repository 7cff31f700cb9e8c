"""Paths of SVG through the points of a chart. A gap of the values is a gap of the path, and a point
that stands alone is a dot."""

import math
from collections.abc import Callable, Sequence

from controlplane.core.admin.scales import Scale, shorten

Values = Sequence[float | None]


def runs(xs: Sequence[float], values: Values) -> list[list[tuple[float, float]]]:
    """The points between the gaps."""
    found: list[list[tuple[float, float]]] = [[]]
    for x, value in zip(xs, values, strict=True):
        if value is not None and math.isfinite(value):
            found[-1].append((x, value))
        elif found[-1]:
            found.append([])
    return [points for points in found if points]


def line(xs: Sequence[float], values: Values, scale: Scale) -> str:
    """A path through the points. A point alone between gaps is a dot."""
    return "".join(_through(points, scale) for points in runs(xs, values))


def stepped(xs: Sequence[float], values: Values, scale: Scale) -> str:
    """A path that holds each value until the next."""
    found = ""
    for points in runs(xs, values):
        (x, value), *rest = points
        found += f"M{x} {scale(value)}" + ("" if rest else "h.1")
        found += "".join(f"H{x}V{scale(value)}" for x, value in rest)
    return found


def area(xs: Sequence[float], values: Values, scale: Scale, draw: Callable[..., str] = line) -> str:
    """The area between a line and the bottom, for each stretch without a gap."""
    found = ""
    for points in runs(xs, values):
        path = draw([x for x, _ in points], [value for _, value in points], scale)
        found += f"{path}V{shorten(scale.height)}H{points[0][0]}Z"
    return found


def excess(xs: Sequence[float], values: Values, scale: Scale, limit: float) -> str:
    """The area between a line and a limit, where it is above."""
    found = ""
    base = scale(limit)
    for points in runs(xs, values):
        over = [(x, max(value, limit)) for x, value in points]
        found += f"{_through(over, scale)}V{base}H{points[0][0]}Z"
    return found


def _through(points: Sequence[tuple[float, float]], scale: Scale) -> str:
    (x, value), *rest = points
    start = f"M{x} {scale(value)}"
    return start + ("".join(f"L{x} {scale(value)}" for x, value in rest) if rest else "h.1")
