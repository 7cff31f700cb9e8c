"""The interface of a back-end. It starts and stops workers, but decides nothing and does not know
tasks. A worker is terminated in four steps, of which the back-end does the last three: the loop
chooses it and drains its node; `fence` makes sure that nothing starts it again; when the node holds
no tasks, `stop` ends it; `clear` removes its remains.
"""

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

_SHELL_SIGNALS = 128  # a shell, and container runtimes, add the signal's number to this
_LINE_MAX = 300
# A level name as loggers write it, the last line of a traceback, or a message of our commands.
_ERROR_LINE = re.compile(
    r"\b(?:ERROR|CRITICAL|FATAL|PANIC)\b"
    r"|^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Exit|Interrupt)\b"
    r"|^(?:taskplane|manage\.py|python\d?|/bin/sh|sh): "
)


class Phase(StrEnum):
    """The state of a member, as the back-end sees it; only its node shows whether it takes work."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"  # it was asked to end
    ENDED = "ended"  # to be cleared


@dataclass(frozen=True, slots=True)
class Member:
    """One worker that this back-end started, or may stop.

    key: the back-end's name for it, never reused. host, pid: identify its nodes: their host, and
    their process if several members share a host (otherwise None). detail: why it does not start,
    if the back-end knows: an unavailable image, an exit status.
    """

    key: str
    phase: Phase
    host: str
    pid: int | None = None
    started_at: datetime | None = None
    detail: str = ""


class FleetError(Exception):
    """The back-end cannot do it; the message is one sentence that explains what to do."""


class Fleet(Protocol):
    """Workers in one place. Every method may raise FleetError, and returns within about ten
    seconds: none waits for a worker."""

    @property
    def name(self) -> str:
        """As in AUTO_SCALING_BACKEND."""

    @property
    def moves(self) -> bool:
        """Whether it starts and stops workers; an advisory one has no members."""

    @property
    def usual_startup(self) -> float:
        """Assumed seconds from the request for a worker until it is ready, before the first
        measurement."""

    def list_members(self) -> list[Member]:
        """All workers that it may stop, including those that an earlier process of this kind
        started."""

    def start(self, count: int) -> list[str]:
        """Start `count` more. Returns their keys, if they are already known. Starts all or none,
        unless it raises: then `list_members` shows how many there are."""

    def fence(self, keys: Sequence[str]) -> None:
        """Make sure that nothing starts these again when they end. Unknown keys are ignored."""

    def stop(self, keys: Sequence[str]) -> None:
        """Ask these to end gracefully, without waiting. Those that were asked before, or are gone,
        are ignored."""

    def clear(self, keys: Sequence[str]) -> None:
        """Remove the remains of these ended workers. Unknown keys are ignored."""

    def close(self) -> None:
        """Called when the loop ends. Workers stay, unless nothing else could stop them."""


def describe_end(
    code: int | None, *, seconds: float | None = None, error_line: str = "", note: str = ""
) -> str:
    """One or two sentences. code: the exit code; below 0, or from 129 on, a signal; None: unknown.

    seconds: for how long it had run. note: information from the back-end, such as a lack of memory.
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
    """The last line of a log that reports an error, shortened; empty without one. Other lines show
    what the worker did last, which usually has nothing to do with its end."""
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
