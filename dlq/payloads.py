"""How a corrected payload differs from the one it replaces, for the audit log. Pure."""

from collections.abc import Iterator
from typing import Any

import orjson

from controlplane.core.masking import mask_secrets
from tasks_app.failures import storable

MOST_DIFFERENCES = 50
_MOST_SHOWN = 200
_LONGEST_PATH = 300
_ABSENT = object()


def diff_payloads(before: Any, after: Any) -> dict[str, Any]:
    """`{added, removed, changed, leftOut}`: values by path, of `changed` the two of them.

    Values are cut, and masked where they or their key look like a credential; at most
    MOST_DIFFERENCES paths are named, and `leftOut` counts the others.
    """
    found: dict[str, Any] = {"added": {}, "removed": {}, "changed": {}, "leftOut": 0}
    for number, (path, key, old, new) in enumerate(_walk(before, after, "", "")):
        if number >= MOST_DIFFERENCES:
            found["leftOut"] += 1
        elif old is _ABSENT:
            found["added"][path] = _shown(key, new)
        elif new is _ABSENT:
            found["removed"][path] = _shown(key, old)
        else:
            found["changed"][path] = [_shown(key, old), _shown(key, new)]
    return found


def _walk(old: Any, new: Any, path: str, key: str) -> Iterator[tuple[str, str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            below = f"{path}.{name}" if path else name
            inner = key if _is_secret(key) else name  # what lies within a credential is one
            yield from _walk(old.get(name, _ABSENT), new.get(name, _ABSENT), below, inner)
    elif isinstance(old, list) and isinstance(new, list):
        for at in range(max(len(old), len(new))):
            before, after = (items[at] if at < len(items) else _ABSENT for items in (old, new))
            yield from _walk(before, after, f"{path}[{at}]", key)
    elif type(old) is not type(new) or old != new:
        yield storable(path[:_LONGEST_PATH]), key, old, new


def _shown(key: str, value: Any) -> str:
    if _is_secret(key):
        return "***"
    text = orjson.dumps(value).decode() if not isinstance(value, str) else value
    return storable(mask_secrets(text)[:_MOST_SHOWN])


def _is_secret(key: str) -> bool:
    return mask_secrets(f"{key}=x") != f"{key}=x"
