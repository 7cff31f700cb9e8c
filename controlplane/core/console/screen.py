"""A whole terminal: drawn line by line, and given back as it was, whatever happens.

`termios` and escape sequences that every terminal since the VT220 knows, rather than curses: that
measures texts by the C library, which disagrees with terminals, and positions what follows by it.
"""

import fcntl
import os
import select
import signal
import struct
import sys
import termios
import tty
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any

from controlplane.core.console.cells import Line
from controlplane.core.console.keys import KeyDecoder
from controlplane.core.console.paint import Paint

# The other screen; no cursor; no wrap at the edge; pastes marked; and no reordering of cells in
# terminals that set right-to-left text themselves (ECMA-48 BDSM).
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b[8l\x1b[2J"
_LEAVE = "\x1b[0m\x1b[8h\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l"
_ESCAPE_SECONDS = 0.05
_READ = 4_096
Handler = Callable[[int, FrameType | None], None]
_ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Screen:
    """The terminal of two file descriptors, as a context manager of the main thread."""

    def __init__(self, paint: Paint, *, stdin: int | None = None, stdout: int | None = None):
        self._paint = paint
        self._in = sys.stdin.fileno() if stdin is None else stdin
        self._out = sys.stdout.fileno() if stdout is None else stdout
        self._keys = KeyDecoder()
        self._drawn: list[str] = []
        self._mode: list[Any] = []
        self._handlers: dict[int, Any] = {}
        self._wake_in, self._wake_out = os.pipe()
        self._old_wakeup = -1
        for each in (self._wake_in, self._wake_out):
            os.set_blocking(each, False)

    def __enter__(self) -> "Screen":
        self._mode = termios.tcgetattr(self._in)
        # A signal interrupts the wait for keys by this pipe; so does `wake`.
        self._old_wakeup = signal.set_wakeup_fd(self._wake_out, warn_on_full_buffer=False)
        handlers: dict[int, Handler] = {
            signal.SIGWINCH: self._forget,
            signal.SIGCONT: self._continue,
            signal.SIGTSTP: self._stop,
            **dict.fromkeys(_ENDS, _end),
        }
        for number, handler in handlers.items():
            self._handlers[number] = signal.signal(number, handler)
        self._take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._give_back()
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(self._old_wakeup)
            os.close(self._wake_in)
            os.close(self._wake_out)

    def wake(self) -> None:
        """End the wait for keys, from any thread."""
        try:
            os.write(self._wake_out, b"\0")
        except (BlockingIOError, OSError):
            return  # it is full, so it wakes already; or the screen is closed

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        raw = fcntl.ioctl(self._out, termios.TIOCGWINSZ, b"\0" * 8)
        lines, columns, _, _ = struct.unpack("HHHH", raw)
        return columns or 80, lines or 24

    def draw(self, lines: Sequence[Line], *, whole: bool = False) -> None:
        """Write the lines that have changed since the last time, or all."""
        drawn = [self._paint.line(line) for line in lines]
        if whole or len(drawn) != len(self._drawn):
            self._drawn = []
        parts = []
        for number, text in enumerate(drawn):
            if number >= len(self._drawn) or self._drawn[number] != text:
                parts.append(f"\x1b[{number + 1};1H{text}")
        if parts and not self._drawn:
            parts.insert(0, "\x1b[0m\x1b[2J")
        self._drawn = drawn
        self._write("".join(parts))

    def read_keys(self, seconds: float | None) -> list[str]:
        """The keys that came by then; earlier after a signal, a change of the size, or `wake`."""
        wait = _ESCAPE_SECONDS if self._keys.is_waiting else seconds
        ready, _, _ = select.select([self._in, self._wake_in], [], [], wait)
        if self._wake_in in ready:
            os.read(self._wake_in, _READ)
        if self._in in ready:
            data = os.read(self._in, _READ)
            if not data:
                raise SystemExit(0)  # the terminal was closed
            return self._keys.feed(data)
        return [] if ready else self._keys.finish()

    def _take(self) -> None:
        tty.setcbreak(self._in, termios.TCSADRAIN)
        self._write(_ENTER)
        self._drawn = []

    def _give_back(self) -> None:
        try:
            self._write(_LEAVE)
            termios.tcsetattr(self._in, termios.TCSADRAIN, self._mode)
        except (OSError, termios.error):
            return  # the terminal is gone

    def _forget(self, _number: int, _frame: FrameType | None) -> None:
        self._drawn = []

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        """Ctrl-Z: the shell gets its terminal, and then this process stops."""
        self._give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._stop)
        self._take()  # a process without a shell does not stop, and nothing continues it

    def _continue(self, _number: int, _frame: FrameType | None) -> None:
        self._take()

    def _write(self, text: str) -> None:
        data = memoryview(text.encode("utf-8", errors="replace"))
        while data:
            data = data[os.write(self._out, data) :]


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
