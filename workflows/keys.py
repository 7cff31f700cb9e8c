"""Keys of steps without one: derived from their names, so that a definition needs only names."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from controlplane.core.errors import FieldError

MAX_KEY_LENGTH = 100
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ROOM = 8  # for the number behind a key that is taken
# Words of CEL, which cannot follow `steps.` in an expression.
_WORDS = frozenset(
    {
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import"),
        *("in", "let", "loop", "namespace", "null", "package", "return", "true", "var", "void"),
        "while",
    }
)


def with_keys(tasks: Any) -> tuple[Any, list[FieldError]]:
    """The steps of a definition, each with a key, and with keys in `dependsOn` where it has names;
    and an error for each name in `dependsOn` that more than one step has.

    Values that are not steps are not changed.
    """
    if not isinstance(tasks, list):
        return tasks, []
    errors: list[FieldError] = []
    steps = [dict(step) if isinstance(step, Mapping) else step for step in tasks]
    known = [step for step in steps if isinstance(step, dict)]
    taken = {step["key"] for step in known if isinstance(step.get("key"), str)}
    for step in known:
        if step.get("key") is None and (key := derive_key(step.get("name"), taken)):
            step["key"] = key
            taken.add(key)
    names = Counter(step["name"] for step in known if _is_name(step.get("name")))
    keys = {step["name"]: step.get("key") for step in known if _is_name(step.get("name"))}
    for number, step in enumerate(steps):
        if not isinstance(step, dict) or not isinstance(step.get("dependsOn"), list):
            continue
        parents = step["dependsOn"]
        step["dependsOn"] = [_key_of(parent, taken, keys) for parent in parents]
        for place, parent in enumerate(parents):
            if _is_name(parent) and parent not in taken and names[parent] > 1:
                message = f"{names[parent]} steps have the name {parent[:100]!r}: use the key."
                field = f"tasks[{number}].dependsOn[{place}]"
                errors.append({"field": field, "message": message})
    return steps, errors


def _key_of(parent: Any, taken: set[str], keys: Mapping[str, Any]) -> Any:
    """The key for a parent's key or name; any other value is returned unchanged."""
    return keys[parent] if _is_name(parent) and parent not in taken and parent in keys else parent


def derive_key(name: Any, taken: Collection[str]) -> str | None:
    """A key derived from a name, different from those taken; None if the name has no letter or
    digit."""
    if not isinstance(name, str):
        return None
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[: MAX_KEY_LENGTH - _ROOM].rstrip("_")
    if not words:
        return None
    if words[0].isdigit() or words in _WORDS:
        words = f"step_{words}"
    key, number = words, 1
    while key in taken:
        number += 1
        key = f"{words}_{number}"
    return key


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
