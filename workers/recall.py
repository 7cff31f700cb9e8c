"""How main takes pool children out of their standing jobs."""

import contextlib
import os
import select


class Recall:
    """A pipe, made before the fork. Each byte recalls one child: the first that takes it."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def request(self, children: int = 1) -> None:
        with contextlib.suppress(BlockingIOError):  # full: enough for all of them
            os.write(self._writer, bytes(children))

    def take(self) -> bool:
        """Whether this child is recalled: True once for each request."""
        try:
            return bool(os.read(self._reader, 1))
        except BlockingIOError:
            return False

    def wait(self, seconds: float) -> None:
        """Until there is a request to take, or the time is over."""
        select.select([self._reader], [], [], seconds)

    def fileno(self) -> int:
        """Readable when there is a request to take."""
        return self._reader
