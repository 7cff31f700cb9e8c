"""What the expressions of one transaction may cost together."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class BudgetSpentError(Exception):
    """The next evaluation may cost more than is left. It has not begun."""


@dataclass(slots=True)
class Budget:
    """Each evaluation is bounded by itself, but a definition may ask for any number of them.

    `work` is in the bytes of the estimate, so that what costs too much is refused before it runs;
    `seconds` of processor time are for what is not estimated.
    """

    work: int
    seconds: float

    def charge(self, work: int) -> None:
        """Raises BudgetSpentError when this is more than is left."""
        if self.seconds <= 0 or work > self.work:
            raise BudgetSpentError
        self.work -= work

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Count the processor time of what happens within."""
        began = time.thread_time()
        try:
            yield
        finally:
            self.seconds -= time.thread_time() - began
