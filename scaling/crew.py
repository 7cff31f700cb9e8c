"""The workers of a pool as the loop sees them at one moment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works, who will, who stops.

    ready: ids of nodes that take work of the pool's queues. draining: ids of nodes that finish.
    starting: in how many seconds each worker that was asked for will be ready.
    startup: seconds from the wish for a worker until it is ready, 95th percentile, as measured.
    slots: per worker.
    """

    ready: tuple[int, ...]
    draining: tuple[int, ...]
    starting: tuple[float, ...]
    startup: float
    slots: int

    @property
    def workers(self) -> int:
        """How many there are or will be without a further wish."""
        return len(self.ready) + len(self.starting)
