"""Where the value of a setting comes from, and how to change it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.core.formatting import EMPTY
from controlplane.settings.env import env

DATABASE, ENVIRONMENT, DEFAULT = "database", "environment", "default"


@dataclass(frozen=True, slots=True)
class Value:
    """One setting that only the environment changes: its value in words, and its variable."""

    title: str
    value: str
    variable: str
    source: str
    help: str = ""


def find_source(variable: str) -> str:
    """Whether the environment (or `.env`) has the variable. The value is not looked at."""
    return ENVIRONMENT if env.text(variable) else DEFAULT


def read_mode() -> str:
    """`dev` or `production`."""
    return env.text("TASKPLANE_ENV", "dev")


def describe(title: str, value: Any, variable: str, note: str = "") -> Value:
    return Value(title, write(value), variable, find_source(variable), note)


def write(value: Any) -> str:
    """In words."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or EMPTY
    return (
        EMPTY if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)
    )


def describe_all(names: Mapping[str, tuple[str, str]], values: Mapping[str, Any]) -> list[Value]:
    """Settings by their name: variable and title."""
    return [describe(title, values[name], variable) for name, (variable, title) in names.items()]
