"""The next times of a schedule, by the code that fires it."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from controlplane.core.errors import Invalid
from controlplane.schedules.timing import Timing, TimingError, find_warnings, parse_timing


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


def parse_checked(text: str, timezone: str, *, at: datetime) -> Timing:
    """The timing of a text as a schedule that is made at `at` has it. Raises Invalid that names the
    field."""
    try:
        return parse_timing(text, timezone, anchor=at)
    except TimingError as error:
        raise Invalid(errors=[{"field": error.field, "message": error.message}]) from error


def describe_timing(timing: Timing) -> dict[str, str | None]:
    """The schedule of a preview, without its times."""
    return {
        "schedule": timing.text,
        "timezone": timing.timezone,
        "words": timing.words(),
        "note": " ".join(find_warnings(timing)) or None,
    }


def next_times(timing: Timing, *, after: datetime, count: int) -> list[NominalTime]:
    """The next `count` nominal times, fewer where there are no more."""
    zone = ZoneInfo(timing.timezone)
    found: list[NominalTime] = []
    at: datetime | None = after
    while len(found) < count and (at := timing.next_after(at)) is not None:  # type: ignore[arg-type] # it ends at None
        found.append(NominalTime(at, at.astimezone(zone)))
    return found
