"""What the agent knows of its worker, for its HTTP service: no request asks the database."""

from dataclasses import dataclass, field

from workers.counters import Counters
from workers.measures import Usage


@dataclass(slots=True)
class WorkerStatus:
    """Replaced whole by the agent's loop, read by the threads of its HTTP service. `usage` is None
    before the first sample."""

    counters: Counters = field(default_factory=Counters)
    usage: Usage | None = None
