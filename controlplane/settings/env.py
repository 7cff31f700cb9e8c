"""Reading the environment: typed, and loud when a value is wrong.

A value set in the environment wins over the same name in the file `.env`. An empty value counts
as not set. A secret may also be in a file that NAME_FILE names, as orchestrators mount them. Every
helper raises ImproperlyConfigured with one sentence that names the variable, its value (never that
of a secret) and what is allowed.
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

# Those that may be in a file named by NAME_FILE.
SECRETS = (
    "DATABASE_URL",
    "DATABASE_PASSWORD",
    "REDIS_PASSWORD",
    "CELERY_BROKER_URL",
    "DJANGO_SECRET_KEY",
    "METRICS_TOKEN",
)
_SECRET_MAX_BYTES = 65_536

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
    values = {**dotenv_values(file), **{k: v for k, v in os.environ.items() if v.strip()}}
    return Env(values | read_secret_files(values))


def read_secret_files(values: Mapping[str, str | None]) -> dict[str, str]:
    """The secrets that are in files. Raises ImproperlyConfigured: a secret is set in both ways, or
    its file cannot be read or is empty."""
    found = {}
    for name in SECRETS:
        variable = f"{name}_FILE"
        path = (values.get(variable) or "").strip()
        if not path:
            continue
        if (values.get(name) or "").strip():
            raise ImproperlyConfigured(f"{name} and {variable} are both set: set only one.")
        try:
            with Path(path).open("rb") as file:
                content = file.read(_SECRET_MAX_BYTES + 1)
            text = content.decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ImproperlyConfigured(
                f"{variable} names {path!r}, which cannot be read: {reason}."
            ) from error
        if not text or len(content) > _SECRET_MAX_BYTES:
            raise ImproperlyConfigured(
                f"{variable} names {path!r}: it must contain the secret, in at most "
                f"{_SECRET_MAX_BYTES} bytes."
            )
        found[name] = text
    return found


env = load()
