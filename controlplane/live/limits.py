"""How many sockets and messages one client may have."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from controlplane.core.process_state import register_reset
from controlplane.live.messages import Closed, Code

# In one process: for each person, and for all clients that are not known yet.
MAX_SOCKETS_PER_PERSON = 32
MAX_UNKNOWN_SOCKETS = 256
# Messages that a client may send at once, and each second in the long run.
BURST = 20
MESSAGES_PER_SECOND = 5.0

_UNKNOWN = ""


class SocketCounts:
    """The open sockets of this process by person."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def unknown(self) -> Iterator[None]:
        """A client that is not known yet. Raises Closed: there are too many."""
        with self._one_more(_UNKNOWN, MAX_UNKNOWN_SOCKETS, "Too many sockets wait here."):
            yield

    @contextmanager
    def of(self, person: str) -> Iterator[None]:
        """A socket of this person. Raises Closed: they have too many."""
        reason = f"You have {MAX_SOCKETS_PER_PERSON} sockets here: close one first."
        with self._one_more(person, MAX_SOCKETS_PER_PERSON, reason):
            yield

    @contextmanager
    def _one_more(self, person: str, limit: int, reason: str) -> Iterator[None]:
        if self._open[person] >= limit:
            raise Closed(Code.TOO_MANY, reason)
        self._open[person] += 1
        try:
            yield
        finally:
            self._open[person] -= 1
            if self._open[person] <= 0:
                del self._open[person]


class MessageBudget:
    """What a client may still send."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._at = time.monotonic()

    def spend(self) -> None:
        """One message. Raises Closed: they come too fast."""
        at = time.monotonic()
        self._left = min(BURST, self._left + (at - self._at) * MESSAGES_PER_SECOND)
        self._at = at
        if self._left < 1:
            raise Closed(Code.TOO_MANY, f"Send at most {MESSAGES_PER_SECOND:g} messages a second.")
        self._left -= 1


counts = SocketCounts()
register_reset(counts._open.clear)
