"""From the nested errors of the REST framework to paths such as `tasks[3].type`."""

from collections.abc import Iterator
from typing import Any

from rest_framework.settings import api_settings

from controlplane.core.errors import FieldError

_SHOWN = 1000


def flatten(detail: Any) -> list[FieldError]:
    """Every message with its path; the first thousand of them."""
    found: list[FieldError] = []
    for path, message in _walk(detail, ""):
        found.append({"field": path, "message": message})
        if len(found) == _SHOWN:
            break
    return found


def join(path: str, key: object) -> str:
    """The path of a member: `tasks`, then 3, then `type` give `tasks[3].type`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)


def _walk(detail: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(detail, dict):
        for key, value in detail.items():
            is_whole = key == api_settings.NON_FIELD_ERRORS_KEY
            yield from _walk(value, path if is_whole else join(path, key))
    elif isinstance(detail, list | tuple):
        for index, value in enumerate(detail):
            # A list of messages belongs to its field; a list of errors has one entry per item.
            is_item = isinstance(value, dict | list | tuple)
            yield from _walk(value, join(path, index) if is_item else path)
    else:
        yield path, str(detail)
