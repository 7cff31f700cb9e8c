"""What a check finds: a sentence about one subject, with what a person needs to judge it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any


class Harm(IntEnum):
    """What comes first. The lower, the more harm."""

    STANDSTILL = 1  # nothing starts, anywhere
    LATE = 2  # tasks wait
    FAILING = 3  # tasks fail
    LOST = 4  # something broke, and was repaired
    REPEATED = 5  # something fails now and then
    PAUSED = 6  # a person stopped it


@dataclass(frozen=True, slots=True)
class Link:
    """A page of the site by its name, without `admin:`."""

    page: str
    arguments: tuple[Any, ...] = ()
    query: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The series behind a sentence, the newest last: a line, with what is normal as a dashed one,
    or with `completed` the ends of single runs. `caption` names it, `words` say what it shows;
    `now` is the value behind the last one, of this moment."""

    caption: str
    words: str
    values: list[float | None] = field(default_factory=list)
    target: float | None = None
    completed: list[bool] = field(default_factory=list)
    now: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` and `says` are one sentence: who, how it deviates, what is normal. `why` is the
    cause, where the data knows it. `queue` and `type` are names: whose description says who owns
    it, and has the runbook. `is_moment`: it happened at `since`, and does not last. `well_since`:
    it was well again then, and is shown a little longer."""

    key: str
    harm: Harm
    subject: str
    says: str
    link: Link
    action: str
    why: str = ""
    queue: str = ""
    type: str = ""
    since: datetime | None = None
    is_moment: bool = False
    evidence: Evidence | None = None
    well_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of the checks, and how many subjects were checked."""

    findings: list[Finding]
    checked: int

    @property
    def passed(self) -> int:
        """How many subjects are well."""
        return self.checked - sum(finding.well_since is None for finding in self.findings)
