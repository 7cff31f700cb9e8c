"""A text that tries everything on a terminal, and what of it has got through."""

# Markup and emoji codes of rich, escape sequences (7 and 8 bit), the bell, backspaces, direction
# overrides and isolates, zero-width characters, separators, fillers, and a forged line.
HOSTILE = (
    "[/x][bold red]:smile: \x1b[31mred\x1b]0;title\x07\x9b2J\x85\x08\x7f "
    "\u202egpj.exe\u2066\u2067\u2068\u2069\u200b\u200f\u2060\ufeff\u061c\u2028\u2029\u3164\xad"
    "\r\nFORGED 2030-01-01 INFO all is well"
)
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"


def find_dangers(text: str) -> list[str]:
    """Characters that do more than stand where they are printed, and lines that are forged."""
    found = [
        f"U+{ord(each):04X}"
        for each in sorted(set(text))
        if each != "\n" and (not each.isprintable() or each in _FILLERS)
    ]
    return found + [line for line in text.split("\n") if line.startswith("FORGED")]
