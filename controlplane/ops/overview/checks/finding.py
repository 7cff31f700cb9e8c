"""What a check finds: a sentence about one subject, with what a person needs to judge it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, TypeVar


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
    it was well again then, and is shown a little longer. `count`: how many subjects the sentence
    counts instead of naming each, and `keys` those of the first; 0 if it has one subject."""

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
    count: int = 0
    keys: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """How many subjects of the sentence are wrong now."""
        return 0 if self.well_since is not None else max(1, self.count)


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of the checks, and how many subjects were checked."""

    findings: list[Finding]
    checked: int

    @property
    def passed(self) -> int:
        """How many subjects are well."""
        return self.checked - sum(finding.wrong for finding in self.findings)


Subject = TypeVar("Subject")

# The findings of a check, and how many subjects it looked at.
Found = tuple[list[Finding], int]

ERROR_SHOWN = 100  # characters of an error or a reason
# Sentences of one kind. More would bury the others.
MOST = 8
_NAMED = 3
_KEYS = 200


@dataclass(frozen=True, slots=True)
class Others:
    """The sentence about the subjects of a kind that have none of their own: `12 other queues miss
    their wait objective.` `kind` is a plural, and the beginning of its key."""

    kind: str
    says: str
    harm: Harm
    link: Link
    action: str

    def count(self, subjects: Sequence[tuple[str, str]]) -> Finding:
        """The finding. `subjects`: the key of each, and its name as people may read it."""
        named = ", ".join(name for _, name in subjects[:_NAMED])
        more = len(subjects) - _NAMED
        return Finding(
            key=f"other-{self.kind}",
            harm=self.harm,
            subject=f"{len(subjects):,} other {self.kind}",
            says=self.says,
            why=f"{named} and {more:,} more." if more > 0 else f"{named}.",
            link=self.link,
            action=self.action,
            count=len(subjects),
            keys=[key for key, _ in subjects[:_KEYS]],
        )


def split(
    found: Sequence[Subject], most: int = MOST
) -> tuple[Sequence[Subject], Sequence[Subject]]:
    """Those that get a sentence each, and those that are counted in one: two at least, or none."""
    return (found, []) if len(found) <= most + 1 else (found[:most], found[most:])
