"""What the agent knows of its worker, for its HTTP service: no request asks the database."""

from dataclasses import dataclass, field

from workers.measures import Usage
from workers.tally import Tally


@dataclass(slots=True)
class Vitals:
    """Replaced whole by the agent's loop, read by the threads of its HTTP service. `usage` is None
    before the first sample."""

    tally: Tally = field(default_factory=Tally)
    usage: Usage | None = None
