"""The next times of a schedule, by the code that fires it."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from controlplane.core.errors import Invalid
from controlplane.schedules.timing import Timing, TimingError, parse_timing


@dataclass(frozen=True, slots=True)
class NominalTime:
    """An instant, and what the clock of the schedule's zone shows then."""

    utc: datetime
    local: datetime

    @property
    def shown_utc(self) -> str:
        """For people."""
        return f"{self.utc:%a %Y-%m-%d %H:%M:%S}"

    @property
    def shown_local(self) -> str:
        """For people, with the offset."""
        return f"{self.local:%a %Y-%m-%d %H:%M:%S %z}"


def parse_checked(text: str, timezone: str) -> Timing:
    """The timing of a text that a client gave. Raises Invalid that names the field."""
    try:
        return parse_timing(text, timezone)
    except TimingError as error:
        raise Invalid(errors=[{"field": error.field, "message": error.message}]) from error


def next_times(timing: Timing, *, after: datetime, count: int) -> list[NominalTime]:
    """The next `count` nominal times, fewer where there are no more."""
    zone = ZoneInfo(timing.timezone)
    found: list[NominalTime] = []
    at: datetime | None = after
    while len(found) < count and (at := timing.next_after(at)) is not None:  # type: ignore[arg-type] # it ends at None
        found.append(NominalTime(at, at.astimezone(zone)))
    return found
