"""How many exports go on at once: in this process, and for each person or key."""

import threading
from collections import Counter

from django.conf import settings

from controlplane.core.errors import TooMany
from controlplane.core.process_state import register_reset


class Slots:
    """The exports that go on in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    def take(self, person: str) -> None:
        """Raises TooMany."""
        own: int = settings.TASKPLANE["EXPORTS_PER_PERSON"]
        most: int = settings.TASKPLANE["EXPORTS_PER_PROCESS"]
        with self._lock:
            if self._held[person] >= own:
                raise TooMany(f"You have {own} exports under way, the limit: wait for one to end.")
            if self._held.total() >= most:
                raise TooMany(f"{most} exports are under way, the limit: try again later.")
            self._held[person] += 1

    def give_back(self, person: str) -> None:
        with self._lock:
            self._held[person] -= 1
            if self._held[person] <= 0:
                del self._held[person]

    def count(self) -> int:
        """All that are taken."""
        with self._lock:
            return self._held.total()

    def clear(self) -> None:
        with self._lock:
            self._held.clear()


slots = Slots()
register_reset(slots.clear)
