"""The interface of a back-end. It moves workers; it decides nothing and knows no tasks.

A worker is terminated in four steps, of which the back-end does the second and the last two: the
loop chooses it and lets its node drain; `fence` makes sure that nothing starts it again; once the
node holds nothing, `stop` ends it; `clear` removes what is left of it.
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
    """How a member stands, as the back-end sees it; whether it takes work, its node says."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"  # it was asked to end
    ENDED = "ended"  # to be cleared


@dataclass(frozen=True, slots=True)
class Member:
    """One worker that this back-end started, or may stop.

    key: the back-end's name for it, never used again for another one.
    host, pid: how its nodes are recognised: their host, and their process where several members
    share a host (else None).
    detail: why it does not come up, when the back-end knows: an image that cannot be had, a status
    with which it ended.
    """

    key: str
    phase: Phase
    host: str
    pid: int | None = None
    started_at: datetime | None = None
    detail: str = ""


class FleetError(Exception):
    """The back-end cannot do it: in one sentence that says what to do about it."""


class Fleet(Protocol):
    """Workers in one place. Every method may raise FleetError, and returns within about ten
    seconds: none waits for a worker."""

    @property
    def name(self) -> str:
        """As in AUTO_SCALING_BACKEND."""

    @property
    def moves(self) -> bool:
        """Whether it starts and stops workers; one that only advises has no members."""

    @property
    def usual_startup(self) -> float:
        """Seconds from the request for a worker until it is ready, until the first was measured."""

    def list_members(self) -> list[Member]:
        """All workers that it may stop, also those that an earlier process of this kind started."""

    def start(self, count: int) -> list[str]:
        """Start `count` more; their keys, as far as they are known already. All or none, unless
        it raises: then `list_members` shows how many there are."""

    def fence(self, keys: Sequence[str]) -> None:
        """From now on nothing starts these again when they end. Unknown keys are ignored."""

    def stop(self, keys: Sequence[str]) -> None:
        """Ask these to end, gently and without waiting. Asked before, or gone: ignored."""

    def clear(self, keys: Sequence[str]) -> None:
        """Remove what is left of these, which have ended. Unknown keys are ignored."""

    def close(self) -> None:
        """The loop ends. Workers stay, unless nothing else could ever stop them."""


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
