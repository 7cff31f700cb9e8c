"""JSON as text for people: whole numbers stay exact, nothing is hidden in it, masks are marked."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.core.masking import MASK
from controlplane.core.safetext import safe_text

_MAX_SHOWN = 100_000


@dataclass(frozen=True, slots=True)
class JsonText:
    """`lines` are the text with, for each, whether it is a masked value; `size` is in bytes."""

    text: str
    lines: Sequence[tuple[str, bool]]
    size: int
    masked: int
    is_cut: bool = False


def show_value(value: Any, *, is_short: bool = False) -> JsonText:
    """The text of a value. With `is_short` on one line."""
    layout: dict[str, Any] = {"separators": (", ", ": ")} if is_short else {"indent": 2}
    text = visible_json(json.dumps(value, ensure_ascii=False, **layout))
    size = len(
        json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    )
    shown = text[:_MAX_SHOWN]
    lines = [(line, _is_masked(line)) for line in shown.split("\n")]
    return JsonText(shown, lines, size, sum(1 for _ in _masks(value)), len(text) > _MAX_SHOWN)


def visible_json(text: str) -> str:
    """JSON in which what would not be seen is an escape, which means the same."""
    return "\n".join(map(_visible_line, text.split("\n")))


def _visible_line(line: str) -> str:
    if safe_text(line) == line:
        return line
    return "".join(each if safe_text(each) == each else _escape(each) for each in line)


def _escape(character: str) -> str:
    """As JSON writes it."""
    return json.dumps(character)[1:-1].replace("\x7f", "\\u007f")


def _is_masked(line: str) -> bool:
    return f'"{MASK}"' in line


def _masks(value: Any) -> Iterator[None]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _masks(each)
    elif isinstance(value, list):
        for each in value:
            yield from _masks(each)
    elif value == MASK:
        yield None
