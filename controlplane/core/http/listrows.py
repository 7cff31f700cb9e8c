"""Rows of lists: short, and with the fields that were asked for."""

from collections.abc import Iterable, Mapping
from typing import Any

from controlplane.core.errors import FieldError, Invalid

MESSAGE_LENGTH = 200  # of an error in a row
_NAME_SHOWN = 100


def read_fields(text: str | None, known: Iterable[str]) -> tuple[str, ...] | None:
    """The names of the parameter `fields`, separated by commas; None for all.

    Raises Invalid, which names each unknown field.
    """
    if text is None:
        return None
    allowed = list(known)
    names = tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))
    if not names:
        raise Invalid(errors=[_error(f"Name at least one of {', '.join(allowed)}.")])
    if unknown := [name for name in names if name not in allowed]:
        choices = f"The fields are {', '.join(allowed)}."
        raise Invalid(
            errors=[_error(f"Unknown field {name[:_NAME_SHOWN]!r}. {choices}") for name in unknown]
        )
    return names


def shorten_error(error: Mapping[str, Any]) -> dict[str, Any]:
    """An error without its traceback and with the beginning of its message."""
    short = {name: value for name, value in error.items() if name != "traceback"}
    message = short.get("message")
    if isinstance(message, str) and len(message) > MESSAGE_LENGTH:
        short["message"] = message[: MESSAGE_LENGTH - 1] + "…"
    return short


def _error(message: str) -> FieldError:
    return FieldError(field="fields", message=message)
