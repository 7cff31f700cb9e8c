"""Whether a client still reads."""

import asyncio


class Flow:
    """Twisted's push producer: the transport pauses it while 64 KiB wait to be sent, and resumes
    it when all of them are sent."""

    def __init__(self, *, is_open: bool) -> None:
        self._open = asyncio.Event()
        if is_open:
            self._open.set()

    def pauseProducing(self) -> None:
        self._open.clear()

    def resumeProducing(self) -> None:
        self._open.set()

    def stopProducing(self) -> None:
        self._open.set()

    async def wait(self, seconds: float) -> None:
        """Raises TimeoutError when the client has not read for this long."""
        if not self._open.is_set():
            await asyncio.wait_for(self._open.wait(), seconds)
