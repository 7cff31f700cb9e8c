"""Styles of a terminal, in as many colours as it has. None carries a meaning alone: beside each
stands a sign or a word."""

from collections.abc import Mapping
from functools import lru_cache

from controlplane.core.console.cells import Line

NONE, BASIC, INDEXED, TRUE = 0, 16, 256, 1 << 24
_RESET = "\x1b[0m"
_ATTRIBUTES = {"bold": "1", "underline": "4", "selected": "7"}
# Each in 16 colours, in 256 and in RGB: of a middle brightness, for light and dark backgrounds.
_COLOURS = {
    "bad": ("31", 167, (207, 72, 72)),
    "late": ("33", 172, (192, 122, 16)),
    "good": ("32", 71, (76, 154, 82)),
    "accent": ("36", 67, (74, 128, 178)),
    "quiet": ("90", 244, (128, 128, 128)),
}
STYLES = frozenset({*_ATTRIBUTES, *_COLOURS})


def count_colours(environ: Mapping[str, str]) -> int:
    """How many colours the terminal has, and its user wants (https://no-color.org)."""
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR") or term in ("", "dumb") or term.startswith("vt"):
        return NONE
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return TRUE
    return INDEXED if "256" in term else BASIC


class Paint:
    """Lines as a terminal takes them. Only this module and `screen` write escape sequences."""

    def __init__(self, colours: int) -> None:
        self._colours = colours
        self.code = lru_cache(self._code)

    def _code(self, style: str) -> str:
        codes = [part for name in style.split() if (part := self._one(name))]
        return f"\x1b[{';'.join(codes)}m" if codes else ""

    def _one(self, name: str) -> str:
        if name in _ATTRIBUTES:
            return _ATTRIBUTES[name]
        basic, index, rgb = _COLOURS[name]
        if self._colours == TRUE:
            return "38;2;{};{};{}".format(*rgb)
        if self._colours == INDEXED:
            return f"38;5;{index}"
        return basic if self._colours == BASIC else ""

    def line(self, line: Line) -> str:
        """Each cell goes to its own column, whatever the terminal thinks of the one before."""
        parts = [f"{_RESET}\x1b[2K"]
        if line.style:
            parts.append(f"{self.code(line.style)}{' ' * line.width}{_RESET}")
        for cell in line.cells:
            code = self.code(f"{line.style} {cell.style}".strip())
            parts.append(f"\x1b[{cell.at + 1}G{code}{cell.text}{_RESET if code else ''}")
        return "".join(parts)
