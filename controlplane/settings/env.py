"""Reading the environment: typed, and loud when a value is wrong.

A value set in the environment wins over the same name in the file `.env`. An empty value counts
as not set. Every helper raises ImproperlyConfigured with one sentence that names the variable,
its value (never that of a secret) and what is allowed.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values

BASE_DIR = Path(__file__).resolve().parent.parent.parent

TRUE = ("true", "1", "yes", "on")
FALSE = ("false", "0", "no", "off")


class Env:
    """The environment, read by name."""

    def __init__(self, values: Mapping[str, str | None]) -> None:
        self._values = values

    def text(self, name: str, default: str = "") -> str:
        """The value with the spaces around it removed."""
        return (self._values.get(name) or "").strip() or default

    def choice(self, name: str, default: str, *, allowed: Sequence[str]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise self._wrong(name, value, f"one of {', '.join(allowed)}")
        return value

    def integer(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        value = self.text(name)
        if not value:
            return default
        # int() alone would take "1_000", " 7 " and digits of every script.
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and minimum <= int(value) <= maximum):
            raise self._wrong(name, value, f"a whole number from {minimum} to {maximum}")
        return int(value)

    def decimal(self, name: str, default: float, *, minimum: float, maximum: float) -> float:
        value = self.text(name)
        if not value:
            return default
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not minimum <= number <= maximum:
            raise self._wrong(name, value, f"a number from {minimum} to {maximum}")
        return number

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name).lower()
        if not value:
            return default
        if value not in (*TRUE, *FALSE):
            raise self._wrong(name, value, "true or false")
        return value in TRUE

    def limit(self, name: str, default: int | None) -> int | None:
        """A number to keep: a whole number, `true` for none or `false` for no limit (None)."""
        value = self.text(name).lower()
        if value in ("true", "false"):
            return 0 if value == "true" else None
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= 9):
            raise self._wrong(name, value, "a whole number from 0 to 999999999, true or false")
        return int(value)

    def words(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """A list, written with commas."""
        value = self.text(name)
        return [w.strip() for w in value.split(",") if w.strip()] if value else list(default)

    def json_object(self, name: str) -> dict[str, Any]:
        """A JSON object; empty when it is not set."""
        value = self.text(name)
        try:
            found = json.loads(value) if value else {}
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._wrong(name, value[:100], "a JSON object")
        return found

    def url(self, name: str, *, schemes: Sequence[str]) -> str:
        """An address with one of the schemes; empty when it is not set."""
        value = self.text(name)
        if not value:
            return ""
        allowed = f"an address that begins with {' or '.join(f'{s}://' for s in schemes)}"
        try:
            scheme = urlsplit(value).scheme
        except ValueError:
            scheme = ""
        if scheme not in schemes:
            # It may hold a password: the scheme is all that is shown of it.
            raise ImproperlyConfigured(
                f"{name} begins with {scheme + '://'!r}: it must be {allowed}."
            )
        return value

    @staticmethod
    def _wrong(name: str, value: str, allowed: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(f"{name} is {value!r}: it must be {allowed}.")


def load() -> Env:
    """The environment of this process over `.env` beside manage.py (or over TASKPLANE_DOTENV)."""
    file = os.environ.get("TASKPLANE_DOTENV") or BASE_DIR / ".env"
    return Env({**dotenv_values(file), **{k: v for k, v in os.environ.items() if v.strip()}})


env = load()
