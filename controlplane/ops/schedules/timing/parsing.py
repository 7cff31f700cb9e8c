"""Turns a schedule expression into a rule."""

import re
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from controlplane.ops.schedules.timing.fields import Fields, find_idle_steps, plain_fields
from controlplane.ops.schedules.timing.rules import CronRule, EveryRule, OnceRule, Rule, Timing


class TimingError(ValueError):
    """The expression or the zone is invalid; `field` is `schedule` or `timezone`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


MAX_TEXT_LENGTH = 200
LONGEST_PERIOD = timedelta(days=366)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = re.compile(r"@every ([0-9]{1,9})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}.*")
_FORMS = (
    "Five cron fields (minute, hour, day of month, month, day of week), a name such as @daily, "
    "@every with a period such as 90s, 15m, 2h or 1d, or a time such as 2030-01-31T08:00:00Z."
)


def parse_timing(
    text: str,
    timezone: str = "UTC",
    *,
    anchor: datetime = EPOCH,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
) -> Timing:
    """The timing of an expression. `anchor` is the start of `@every`, to the second. Raises:
    TimingError: the expression is invalid or never fires, or the zone is unknown.
    """
    zone = _zone(timezone)
    text = " ".join(text.split())
    if len(text) > MAX_TEXT_LENGTH:
        raise TimingError("schedule", f"At most {MAX_TEXT_LENGTH} characters.")
    rule = _rule(text, zone, start_at or anchor)
    return Timing(text, timezone, rule, start_at, end_at)


def find_warnings(timing: Timing) -> list[str]:
    """The parts of the expression that have no effect, each in a sentence."""
    if not isinstance(timing.rule, CronRule):
        return []
    fields = timing.rule.fields
    return [*find_idle_steps(fields), *_find_idle_days(fields)]


def _rule(text: str, zone: ZoneInfo, anchor: datetime) -> Rule:
    if _TIME.fullmatch(text):
        return OnceRule(_instant(text))
    name = text.lower()
    if name.startswith("@every"):
        return EveryRule(_period(name), anchor.astimezone(UTC).replace(microsecond=0))
    if name.startswith("@"):
        if name not in NAMED:
            names = ", ".join(NAMED)
            raise TimingError("schedule", f"{text} is unknown; the names are {names} and @every.")
        text = NAMED[name]
    return _cron(text, zone)


@lru_cache(maxsize=1024)  # every list of schedules reads the same few
def _cron(text: str, zone: ZoneInfo) -> CronRule:
    fields = tuple(text.split())
    if len(fields) == 6:
        raise TimingError("schedule", "Six fields; cron has five, without seconds: use @every 30s.")
    if len(fields) != 5:
        raise TimingError("schedule", _FORMS)
    rule = CronRule(fields, zone)
    plain = plain_fields(fields)
    try:
        CronSim(" ".join(plain), EPOCH)
    except (CronSimError, AssertionError, ValueError) as error:
        # The parser also looks whether the months have such a day.
        if _is_valid(" ".join((*plain[:3], "*", plain[4]))) and _is_valid(f"0 0 1 {plain[3]} *"):
            raise TimingError("schedule", f"{text} never fires: there is no such day.") from error
        raise TimingError(
            "schedule", f"{str(error) or 'Bad field'} in {text!r}. {_FORMS}"
        ) from error
    if next(rule.after(EPOCH), None) is None:
        raise TimingError("schedule", f"{text} never fires: there is no such day.")
    return rule


def _find_idle_days(fields: Fields) -> list[str]:
    """Beside a day of the week, days that no month has are without effect: `0 0 31 2 FRI`."""
    day, month = plain_fields(fields)[2:4]
    if _is_valid(f"0 0 {day} {month} *"):
        return []
    message = f"The day of month {fields[2]!r} has no effect: no month of {fields[3]!r} has it."
    return [f"{message} Write * for it, or another day."]


def _is_valid(text: str) -> bool:
    try:
        CronSim(text, EPOCH)
    except (CronSimError, AssertionError, ValueError):
        return False
    return True


def _period(text: str) -> timedelta:
    found = _EVERY.fullmatch(text)
    if found is None:
        raise TimingError("schedule", "@every takes one period, such as 90s, 15m, 2h or 1d.")
    try:
        period = timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        period = timedelta.max
    if not timedelta(seconds=1) <= period <= LONGEST_PERIOD:
        raise TimingError("schedule", "A period is from 1s to 366d.")
    return period


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise TimingError("schedule", f"{text} is not a time: {error}.") from error
    if moment.tzinfo is None:
        raise TimingError("schedule", f"{text} has no offset: write {text}Z for UTC.")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise TimingError("schedule", f"{text} is too far away.") from error


def _zone(name: str) -> ZoneInfo:
    if name in _zones():
        return ZoneInfo(name)
    near = get_close_matches(name.lower(), [zone.lower() for zone in _zones()], n=1, cutoff=0.5)
    hint = f" Did you mean {_zones_by_lower()[near[0]]}?" if near else ""
    raise TimingError("timezone", f"There is no time zone {name[:100]!r}.{hint}")


@cache
def _zones() -> frozenset[str]:
    # Some machines have a file `localtime` among them, each its own.
    return frozenset(available_timezones()) - {"localtime"}


@cache
def _zones_by_lower() -> dict[str, str]:
    return {zone.lower(): zone for zone in _zones()}
