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
_FIGURES = {
    "submitted": "Submitted",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "dependents": "Dependents",
    "dependencies": "Dependencies",
    "elapsedSeconds": "Took (s)",
    "submitPerSecond": "Submitted a second",
    "completePerSecond": "Completed a second",
    "waitMs": "Wait (ms)",
    "runMs": "Run time (ms)",
    "peakInFlight": "Most in flight",
    "peakBacklog": "Most waiting",
    "attempts": "Attempts",
    "failedAttempts": "Failed attempts",
    "interruptedAttempts": "Interrupted attempts",
    "lostAttempts": "Lost attempts",
    "staleWrites": "Stale writes",
}
_WORKERS = {
    "workersAtBegin": "Workers at the beginning",
    "workersAtPeak": "Workers at most",
    "workersAtEnd": "Workers at the end",
    "secondsToDecision": "First decision to grow after (s)",
    "secondsToFirstWorker": "First new worker after (s)",
    "secondsToPeak": "Most workers after (s)",
}
_LINES = {
    "waiting": "Waiting tasks, sampled: at most {peak}",
    "running": "Tasks in flight: at most {peak}",
    "ended": "Ended tasks: {peak}",
    "workers": "Workers, sampled: at most {peak}",
}
_PEAKS = {"waiting": "peakBacklog", "running": "peakInFlight"}


def badge(value: str, words: str) -> SafeString:
    """A status as words in a coloured frame; the words say all, the colour repeats it."""
    return format_html('<span class="hue-badge st-{}">{}</span>', value, words)


def tell(test: Any) -> str:
    """How a test stands."""
    if test.report is not None:
        return str(test.report["sentence"])
    return _STANDS[StressState(test.state)]


def draw_lines(
    series: Sequence[Mapping[str, Any]], figures: Mapping[str, Any]
) -> list[tuple[str, SafeString]]:
    """One line each, with its words. A peak is that of the figures, since samples may miss it."""
    drawn = []
    for name, words in _LINES.items():
        points = [(_seconds(point["at"]), float(point[name])) for point in series]
        if len(points) > 1:
            peak = max(value for _, value in points)
            if (exact := figures.get(_PEAKS.get(name, ""))) is not None:
                peak = max(peak, exact)
            label = words.format(peak=f"{peak:,.0f}")
            drawn.append((label, sparkline(points, label=label)))
    return drawn


def figure_words(name: str) -> str:
    """What a figure is, with its unit: of `waitMs p95` or `waitMs.p95` `Wait (ms), p95`."""
    first, _, part = name.replace(".", " ").partition(" ")
    words = _FIGURES.get(first, first)
    return f"{words}, {part}" if part else words


def worker_figures(scaling: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How many workers there were, and how soon; without what did not happen."""
    return [
        (words, figure(scaling[name]))
        for name, words in _WORKERS.items()
        if scaling.get(name) is not None
    ]


def figure(value: Any) -> str:
    """A number with its thousands apart; no more decimals than its size makes sense of."""
    if value is None:
        return "-"
    if isinstance(value, float):
        if abs(value) >= 100:
            return f"{value:,.0f}"
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
