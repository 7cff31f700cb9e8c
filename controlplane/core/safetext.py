"""Text that other people wrote, made safe for a terminal or a log line; and the log's lines.

A name can hold an escape sequence that moves the cursor, a direction override that reverses what is
read, or a line break that forges the next line. `safe_text` shows each such character as an escape,
like `\\x1b`; everything that prints goes through it. Pages: `controlplane/core/visibletext.py`.
"""

import copy
import json
import logging
import re
from typing import Any

from controlplane.core.masking import mask_secrets

_INDENT = "    "

# Not printable for Python are controls (C0, DEL, C1), format characters (direction overrides and
# isolates, zero-width ones, tags), lone surrogates, private use, and line and paragraph separators.
# These are printable for Python, and yet they show nothing.
_INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
_FILLERS = re.compile(f"[{_INVISIBLE}]")
_LINES = frozenset("\n\t")
# Flags as their two letters: where a cell ends between them, terminals disagree about the width of
# the half that is left.
_FLAGS = {0x1F1E6 + number: chr(ord("A") + number) for number in range(26)}


def safe_text(text: object, *, keep_lines: bool = False) -> str:
    """The text with every character escaped that is not simply printed. `keep_lines` leaves line
    feeds and tabs: only for text whose lines come from the caller.
    """
    value = str(text)
    if value.isprintable() and not _FILLERS.search(value):
        return value
    kept = _LINES if keep_lines else frozenset()
    return "".join(each if each in kept or _is_plain(each) else _escaped(each) for each in value)


def terminal_text(text: object) -> str:
    """One line of a text, in which every character only stands where it is printed."""
    return safe_text(text).translate(_FLAGS)


def safe_json(value: Any, *, default: Any = str) -> str:
    """The value as JSON of printable ASCII, indented; the escapes are JSON's own."""
    return json.dumps(value, indent=2, default=default).replace("\x7f", "\\u007f")


def _is_plain(character: str) -> bool:
    return character.isprintable() and character not in _INVISIBLE


def _escaped(character: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if named:
        return named
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class LineFormatter(logging.Formatter):
    """A record's text can neither forge a line nor send an escape sequence, and what looks like a
    credential is masked. Lines of a traceback are indented, so that none can be mistaken for a
    record.
    """

    def format(self, record: logging.LogRecord) -> str:
        bare = copy.copy(record)
        bare.msg, bare.args = mask_secrets(record.getMessage()), None
        bare.exc_info = bare.exc_text = bare.stack_info = None
        lines = [safe_text(super().format(bare))]
        traceback = self.formatException(record.exc_info) if record.exc_info else record.exc_text
        for text in (traceback, record.stack_info):
            if text:
                lines += [_INDENT + safe_text(line) for line in mask_secrets(text).split("\n")]
        return "\n".join(lines)
