"""Readers of option values, and options that several commands share. A reader raises
ArgumentTypeError, and argparse puts its message after the name of the option.
"""

import math
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from controlplane.core.clock import now, parse_time
from controlplane.core.console.output import EXIT_USAGE, CommandError
from controlplane.core.errors import Invalid
from controlplane.core.ids import parse_uuid
from controlplane.core.strictjson import parse_json

MAX_LIMIT = 10_000
_WATCH_SECONDS = 2.0
JSON_HELP = "a JSON object; @file reads a file, - reads the standard input"
TIME_HELP = "2030-01-31T08:00:00Z, or how long ago: 30m, 24h, 7d"
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGE = re.compile(r"[\d.]+(ms|s|m|h|d)")


def identifier(text: str) -> UUID:
    """A UUID."""
    try:
        return parse_uuid(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not an id") from None


def whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    """A reader of whole numbers within bounds."""

    def read(text: str) -> int:
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 19) or not (
            minimum <= int(text) <= maximum
        ):
            raise ArgumentTypeError(
                f"{text!r} is not a whole number from {minimum:,} to {maximum:,}"
            )
        return int(text)

    return read


def number(minimum: float, maximum: float, *, above: bool = False) -> Callable[[str], float]:
    """A reader of numbers within bounds; with `above` the minimum itself is too small."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not minimum <= value <= maximum or (above and value == minimum):
            bounds = f"{'above' if above else 'from'} {minimum:g} {'and up ' * above}to {maximum:g}"
            raise ArgumentTypeError(f"{text!r} is not a number {bounds}")
        return value

    return read


def one_or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Like `read`, but the text `none` removes a value that was set."""

    def read_or_none(text: str) -> Any:
        if text == "none":
            return text
        try:
            return read(text)
        except ArgumentTypeError as error:
            raise ArgumentTypeError(f"{error}, nor `none`") from None

    return read_or_none


def duration_ms(text: str) -> int:
    """`1500`, `1500ms`, `30s`, `5m`, `2h`, `1d` in milliseconds."""
    digits = text.rstrip("msdh")
    try:
        return round(float(digits) * _UNITS_MS[text[len(digits) :] or "ms"])
    except (ValueError, KeyError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is not a duration such as 500ms, 30s, 5m, 2h") from None


def duration_seconds(text: str) -> float:
    """As `duration_ms` in seconds; a number without a unit is seconds, too."""
    return duration_ms(text if text[-1:].isalpha() else f"{text}s") / 1_000


def time(text: str) -> datetime:
    """A time with its zone."""
    try:
        return parse_time(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def time_or_age(text: str) -> datetime:
    """A time with its zone, or how long ago."""
    if not _AGE.fullmatch(text):
        return time(text)
    try:
        return now() - timedelta(milliseconds=duration_ms(text))
    except OverflowError:
        raise ArgumentTypeError(f"{text!r} is too far in the past") from None


def names_of(known: Sequence[str], *, ignore_case: bool = False) -> Callable[[str], list[str]]:
    """A reader of a comma-separated list of known names."""

    def read(text: str) -> list[str]:
        parts = [part.strip() for part in (text.upper() if ignore_case else text).split(",")]
        names = list(dict.fromkeys(filter(None, parts)))
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise ArgumentTypeError(f"{(unknown or [text])[0]!r} is not one of {', '.join(known)}")
        return names

    return read


def read_json(text: str, what: str, *, is_inline: bool = False, extra_depth: int = 0) -> Any:
    """The JSON of a file, or of the standard input for `-`; inline a text, or a file after `@`.
    `extra_depth` is as `parse_json` takes it.

    Raises CommandError with the exit code of wrong options.
    """
    try:
        if text == "-":
            body = sys.stdin.read().encode()
        elif is_inline and not text.startswith("@"):
            body = text.encode()
        else:
            body = Path(text.removeprefix("@") if is_inline else text).read_bytes()
        depth = settings.TASKPLANE["JSON_MAX_DEPTH"]
        return parse_json(body, max_depth=depth, extra_depth=extra_depth)
    except (OSError, ValueError, Invalid) as error:
        reason = str(error).replace("The body", "It", 1)
        raise CommandError(f"{what} cannot be read: {reason}", returncode=EXIT_USAGE) from error


def json_object(text: str, *, option: str) -> dict[str, Any]:
    """An option's value as a JSON object, as `read_json` reads it inline. Raises CommandError."""
    value = read_json(text, option, is_inline=True)
    if not isinstance(value, dict):
        raise CommandError(f"{option} must be a JSON object.", returncode=EXIT_USAGE)
    return value


def add_limit(parser: ArgumentParser, *, default: int = 20, maximum: int = MAX_LIMIT) -> None:
    """--limit."""
    parser.add_argument(
        "--limit",
        type=whole_number(1, maximum),
        default=default,
        metavar="N",
        help=f"maximum rows, 1 to {maximum:,} (default %(default)s)",
    )


def add_wait(parser: ArgumentParser, what: str, *aliases: str, default: str = "1h") -> None:
    """--wait and --wait-timeout."""
    parser.add_argument("--wait", action="store_true", help=f"wait until {what}")
    add_wait_timeout(parser, *aliases, default=default)


def add_wait_timeout(parser: ArgumentParser, *aliases: str, default: str = "1h") -> None:
    """--wait-timeout."""
    parser.add_argument(
        "--wait-timeout",
        *aliases,
        type=duration_seconds,
        default=default,
        metavar="DURATION",
        help="maximum wait: 90 (seconds), 10m, 1h (default %(default)s)",
    )


def add_yes(parser: ArgumentParser) -> None:
    """--yes."""
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def add_watch(parser: ArgumentParser, **kwargs: Any) -> None:
    """--watch, for a command that only reads. `kwargs` go to `add_argument`."""
    parser.add_argument(
        "--watch",
        dest="refresh",
        nargs="?",
        type=number(0.5, 3_600),
        const=_WATCH_SECONDS,
        metavar="SECONDS",
        help=f"refresh until Ctrl-C, every {_WATCH_SECONDS:g} seconds or this often",
        **({"default": None} | kwargs),
    )
