"""`--watch`: the same answer again and again, until Ctrl-C. On a terminal it is drawn in place;
elsewhere it is appended."""

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError, connection

from controlplane.core.clock import now
from controlplane.core.console.cells import Line
from controlplane.core.console.output import SafeOutput
from controlplane.core.console.paint import Paint, count_colours
from controlplane.core.console.recorded import record_logs
from controlplane.core.console.screen import Screen

Draw = Callable[[int], str]
"""The answer of now as text for a terminal of so wide lines."""

_AWAY = "Postgres does not answer; the last answer stays."


def is_screen(stdout: Any) -> bool:
    """Whether a person sees what is drawn, and can press keys."""
    knows_sequences = os.environ.get("TERM", "dumb") != "dumb"
    return bool(stdout is sys.stdout and stdout.isatty() and sys.stdin.isatty() and knows_sequences)


def watch_on_screen(draw: Draw, seconds: float, title: str) -> None:
    """Until Ctrl-C or q."""
    text, state = "", ""
    with record_logs(), Screen(Paint(count_colours(os.environ))) as screen:
        next_at = 0.0
        while True:
            width, height = screen.size
            if time.monotonic() >= next_at:
                try:
                    text, state = draw(width), f"{now():%H:%M:%S} UTC"
                except (OperationalError, InterfaceError):
                    state = _AWAY
                    connection.close()
                next_at = time.monotonic() + seconds
            screen.draw(_make_lines(f"{title}   {state}", text, width, height))
            if "q" in screen.read_keys(max(0.0, next_at - time.monotonic())):
                return


def append(draw: Callable[[], None], seconds: float, stdout: SafeOutput) -> None:
    """Until Ctrl-C."""
    while True:
        draw()
        stdout.flush()
        time.sleep(seconds)


def _make_lines(title: str, text: str, width: int, height: int) -> list[Line]:
    """As much as the terminal has room for."""
    rows = text.split("\n")
    lines = [Line(width) for _ in range(height)]
    lines[0].put(0, title, "quiet")
    for line, row in zip(lines[1:], rows, strict=False):
        line.put(0, row)
    if len(rows) > height - 1 and height > 2:
        lines[-1] = Line(width)
        lines[-1].put(0, f"{len(rows) - height + 2:,} more lines", "quiet")
    return lines
