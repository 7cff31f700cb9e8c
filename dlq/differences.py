"""What differs among payloads: pure functions over a bounded sample. Values come from users, and
are already what the reader may see."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_PAYLOADS = 200
MAX_FIELDS = 30
_MAX_DEPTH = 6
_MAX_PATHS = 300  # of one payload
_MAX_VALUES = 3  # that are named
_MAX_SHOWN = 80
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field. `values`: up to three of its values, the most frequent first, each with the number
    of payloads; `distinct`: how many there are; `missing`: payloads without it; `low` and `high`:
    the bounds, if all values are numbers."""

    path: str
    values: list[tuple[str, int]]
    distinct: int
    missing: int
    low: str | None = None
    high: str | None = None

    @property
    def is_equal(self) -> bool:
        """Whether every payload has the same value."""
        return self.distinct == 1 and not self.missing


@dataclass(frozen=True, slots=True)
class Differences:
    """The fields of `payloads` payloads: those that differ, then those that are equal."""

    payloads: int
    differing: list[FieldDifference]
    equal: list[FieldDifference]
    has_more: bool


def compare_payloads(payloads: Sequence[Any]) -> Differences:
    """Compare at most MAX_PAYLOADS payloads field by field."""
    flat = [dict(_walk(payload, "", 0)) for payload in payloads[:MAX_PAYLOADS]]
    paths = list(dict.fromkeys(path for each in flat for path in each))
    found = [_compare(path, [each.get(path, _ABSENT) for each in flat]) for path in paths]
    differing = [each for each in found if not each.is_equal]
    # What varies least is the likelier pattern: two regions say more than 200 order numbers.
    differing.sort(key=lambda each: (each.distinct, each.path))
    equal = [each for each in found if each.is_equal]
    return Differences(
        payloads=len(flat),
        differing=differing[:MAX_FIELDS],
        equal=equal[:MAX_FIELDS],
        has_more=len(differing) > MAX_FIELDS or len(equal) > MAX_FIELDS,
    )


def _walk(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """The leaves by path. Lists are compared as wholes."""
    if not isinstance(value, Mapping) or not value or depth >= _MAX_DEPTH:
        yield path or "payload", value
        return
    for number, (name, inner) in enumerate(value.items()):
        if number >= _MAX_PATHS:
            return
        yield from _walk(inner, f"{path}.{name}" if path else str(name), depth + 1)


def _compare(path: str, values: Sequence[Any]) -> FieldDifference:
    present = [value for value in values if value is not _ABSENT]
    counts: dict[str, int] = {}
    for value in present:
        text = _text(value)
        counts[text] = counts.get(text, 0) + 1
    most = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    numbers = [value for value in present if type(value) in (int, float)]
    is_numeric = len(numbers) == len(present) and len(counts) > _MAX_VALUES
    return FieldDifference(
        path=path[:_MAX_SHOWN],
        values=[(_shown(text), number) for text, number in most[:_MAX_VALUES]],
        distinct=len(counts),
        missing=len(values) - len(present),
        low=_shown(_text(min(numbers))) if is_numeric else None,
        high=_shown(_text(max(numbers))) if is_numeric else None,
    )


def _text(value: Any) -> str:
    """As JSON; integers may be of any size."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _shown(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
