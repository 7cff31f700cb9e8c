"""What an event of the audit log changed: values before and after, by field.

A writer puts them into the detail of its event as `before` and `after`, or as `before` beside the
new values themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ABSENT = None
# Stands for a payload, which may hold secrets: that it changed is all that is recorded.
HIDDEN = "(a payload)"
# What the page shows by itself, or in other words.
_KNOWN = frozenset(
    {"before", "after", "changes", "from", "to", "reason", "note", "comment", "payload", "ids",
     "count", "payloads"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One field. `source` says where its new value comes from, if that is known."""

    field: str
    before: Any
    after: Any
    source: str = ""


def read_changes(detail: Any) -> list[Change]:
    """The changes of an event's detail, in its own order."""
    if not isinstance(detail, Mapping):
        return []
    found = [*_pairs(detail), *_values(detail), *_states(detail), *_payload(detail)]
    found += [Change(name, *pair) for name, pair in _replaced(detail).items()]
    return [each for each in found if each.before != each.after or each.after == HIDDEN]


def reason_of(detail: Any) -> str:
    """Why, in the words of the person; empty if nobody gave a reason."""
    if not isinstance(detail, Mapping):
        return ""
    found = (detail.get(name) for name in ("reason", "note", "comment"))
    return next((each for each in found if isinstance(each, str) and each), "")


def other_facts(detail: Any) -> dict[str, Any]:
    """What is neither a change nor the reason."""
    if not isinstance(detail, Mapping):
        return {}
    before = _mapping(detail.get("before"))
    taken = _KNOWN if "after" in detail else _KNOWN | set(before)
    taken |= {"changed"} if _replaced(detail) else set()
    return {name: value for name, value in detail.items() if name not in taken}


def _pairs(detail: Mapping[str, Any]) -> list[Change]:
    """Those of `before` and `after`, or of `before` and the values beside it."""
    before = _mapping(detail.get("before"))
    after = _mapping(detail["after"]) if "after" in detail else detail
    names = list(before) if "after" not in detail else list(dict.fromkeys([*before, *after]))
    return [Change(name, before.get(name, ABSENT), after.get(name, ABSENT)) for name in names]


def _values(detail: Mapping[str, Any]) -> list[Change]:
    """Those that name both values of each field."""
    return [
        Change(name, each.get("before"), each.get("after"), str(each.get("source") or ""))
        for name, each in _mapping(detail.get("changes")).items()
        if isinstance(each, Mapping)
    ]


def _states(detail: Mapping[str, Any]) -> list[Change]:
    """A state or a number that was replaced."""
    if "from" not in detail or "to" not in detail:
        return []
    name = "workers" if isinstance(detail["to"], int) else "state"
    return [Change(name, detail["from"], detail["to"])]


def _payload(detail: Mapping[str, Any]) -> list[Change]:
    """The differences of a payload, whose values were masked when they were recorded."""
    payload = _mapping(detail.get("payload"))
    return [
        *(Change(f"payload.{path}", *pair) for path, pair in _replaced(payload).items()),
        *(
            Change(f"payload.{path}", ABSENT, value)
            for path, value in _mapping(payload.get("added")).items()
        ),
        *(
            Change(f"payload.{path}", value, ABSENT)
            for path, value in _mapping(payload.get("removed")).items()
        ),
    ]


def _replaced(detail: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Both values of what a payload has replaced; releases before wrote saved views so, too."""
    changed = _mapping(detail.get("changed")).items()
    return {name: pair for name, pair in changed if isinstance(pair, list) and len(pair) == 2}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
