"""Figures of stress tests as people read them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.stress.states import StressState
from workers.sparklines import sparkline

_STANDS = {
    StressState.PREPARING: "Accepted. The dispatcher begins it in a moment; if not, none runs.",
    StressState.RUNNING: "Tasks are being submitted.",
    StressState.SETTLING: "All tasks are submitted, and some have not ended.",
    StressState.STOPPING: "It stops: what waits is cancelled, what runs is asked to stop.",
    StressState.CHECKING: "Every task is read again, for the verdict.",
}
_LINES = {
    "waiting": "Waiting tasks",
    "running": "Tasks in flight",
    "ended": "Tasks that have ended",
    "workers": "Workers",
}


def badge(value: str, words: str) -> SafeString:
    """A status as words in a coloured frame; the words say all, the colour repeats it."""
    return format_html('<span class="hue-badge st-{}">{}</span>', value, words)


def tell(test: Any) -> str:
    """How a test stands."""
    if test.report is not None:
        return str(test.report["sentence"])
    return _STANDS[StressState(test.state)]


def draw_lines(series: Sequence[Mapping[str, Any]]) -> list[tuple[str, SafeString]]:
    """One line of its course each, with its words."""
    drawn = []
    for name, words in _LINES.items():
        points = [(_seconds(point["at"]), float(point[name])) for point in series]
        if len(points) > 1:
            label = f"{words}: at most {max(value for _, value in points):,.0f}"
            drawn.append((label, sparkline(points, label=label)))
    return drawn


def figure(value: Any) -> str:
    """A number with its thousands apart."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
