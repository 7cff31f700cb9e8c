"""How the process of a worker ended, in words that are the same for every back-end."""

import re
import signal
from collections.abc import Sequence

_SHELL_SIGNALS = 128  # a shell, and container runtimes, add the signal's number to this
_LINE_MAX = 300
# A level name as loggers write it, the last line of a traceback, or a message of our commands.
_ERROR_LINE = re.compile(
    r"\b(?:ERROR|CRITICAL|FATAL|PANIC)\b"
    r"|^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Exit|Interrupt)\b"
    r"|^(?:taskplane|manage\.py|python\d?|/bin/sh|sh): "
)


def describe_end(
    code: int | None, *, seconds: float | None = None, error_line: str = "", note: str = ""
) -> str:
    """One or two sentences. code: the exit code; below 0, or from 129 on, a signal; None: unknown.

    seconds: for how long it had run. note: what the back-end adds, such as a lack of memory.
    """
    text = _describe_code(code)
    if note:
        text += f" ({note})"
    if seconds is not None:
        text += f"; it had run for {_duration(seconds)}"
    text += "."
    if error_line:
        text += f" Last error in its log: {error_line}"
    return text


def find_error_line(lines: Sequence[str]) -> str:
    """The last line of a log that reports an error, shortened; empty without one. Any other line
    says what the worker did last, which has mostly nothing to do with its end."""
    stripped = (" ".join(line.split()) for line in reversed(lines))
    return next((line for line in stripped if _ERROR_LINE.search(line)), "")[:_LINE_MAX]


def _describe_code(code: int | None) -> str:
    if code is None:
        return "It ended, its exit code is unknown"
    if code < 0:
        return f"It was killed by {_name_signal(-code)}"
    if code > _SHELL_SIGNALS and (name := _name_signal(code - _SHELL_SIGNALS)):
        return f"It was killed by {name}, exit code {code}"
    return f"It ended with exit code {code}"


def _name_signal(number: int) -> str:
    """Empty when there is no such signal."""
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}" if 0 < number < signal.NSIG else ""


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
