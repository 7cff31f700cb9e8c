"""A terminal in which a test runs a command, presses keys, and reads the screen."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyte

from tests.architecture.test_conventions import ROOT

_SECONDS = 30.0
_KEYS = {
    "enter": "\r", "escape": "\x1b", "tab": "\t", "up": "\x1b[A", "down": "\x1b[B",
    "page down": "\x1b[6~", "backspace": "\x7f",
}  # fmt: skip


@contextmanager
def hearing_ctrl_c() -> Iterator[None]:
    """What is started in it hears Ctrl-C, as in a terminal: what a shell starts with `&` does
    not, nor would its tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Terminal:
    """A pseudo-terminal with a process in it. `raw` is everything that was written to it."""

    def __init__(self, arguments: list[str], env: Mapping[str, str], size: tuple[int, int]) -> None:
        self._master, self._slave = pty.openpty()
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.resize(*size)
        self.mode = termios.tcgetattr(self._slave)
        with hearing_ctrl_c():
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=ROOT,
                env={**env, "TERM": "xterm-256color", "COLORTERM": "", "NO_COLOR": ""},
                stdin=self._slave,
                stdout=self._slave,
                stderr=self._slave,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    @property
    def chosen(self) -> str:
        """The row that stands out."""
        for number, line in enumerate(self.screen.display):
            if self.screen.buffer[number][0].reverse:
                return line.rstrip()
        return ""

    def resize(self, columns: int, lines: int) -> None:
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, size)
        self.screen.resize(lines, columns)
        if self.raw:
            self.process.send_signal(signal.SIGWINCH)  # its session has no terminal of its own

    def press(self, *keys: str) -> None:
        """Names of keys, or texts that are typed."""
        for key in keys:
            os.write(self._master, _KEYS.get(key, key).encode())
            if key == "escape":
                time.sleep(0.1)  # or it would begin a sequence

    def paste(self, text: str) -> None:
        os.write(self._master, f"\x1b[200~{text}\x1b[201~".encode())

    def read(self, seconds: float = 0.05) -> None:
        """Take what was written by then."""
        while select.select([self._master], [], [], seconds)[0]:
            data = os.read(self._master, 65_536)
            self.raw += data
            self._stream.feed(data)
            seconds = 0.0

    def wait(self, condition: Callable[[], Any], what: str) -> None:
        """Read until it holds."""
        give_up = time.monotonic() + _SECONDS
        while not condition():
            assert time.monotonic() < give_up, f"Timed out: {what}\n{self.text}"
            self.read()

    def wait_for(self, *texts: str) -> None:
        self.wait(lambda: all(text in self.text for text in texts), f"{texts}")

    def wait_until_read(self) -> None:
        """Until the process has taken all keys, and has had the time to act on the last one."""
        unread = bytearray(4)

        def has_none() -> bool:
            fcntl.ioctl(self._slave, termios.FIONREAD, unread)
            return not any(unread)

        self.wait(has_none, "keys that are not read")
        self.read(0.2)

    def end(self) -> int:
        """Its exit code, when it has ended."""
        self.wait(lambda: self.process.poll() is not None, "the end of the process")
        self.read()
        return self.process.returncode

    @property
    def is_restored(self) -> bool:
        """Whether the terminal is as it was: its mode, its screen, its cursor, its wrap."""
        codes = (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?7h", b"\x1b[?2004l", b"\x1b[8h")
        tail = self.raw[self.raw.rfind(b"\x1b[?1049h") :]
        return termios.tcgetattr(self._slave) == self.mode and all(code in tail for code in codes)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self._master)
        os.close(self._slave)


@contextmanager
def terminal(
    *arguments: str, env: Mapping[str, str], size: tuple[int, int] = (80, 24)
) -> Iterator[Terminal]:
    """`manage.py <arguments>` in a terminal."""
    opened = Terminal(list(arguments), env, size)
    try:
        yield opened
    finally:
        opened.close()
