"""Keys of a terminal: the bytes that it sends, as names.

A printable character is itself; other keys have names of several letters. What is pasted comes as
one `Paste`, so that no line of it is taken for a command.
"""

import re
from codecs import getincrementaldecoder

_SEQUENCES = {
    "[A": "up", "[B": "down", "[C": "right", "[D": "left", "OA": "up", "OB": "down",
    "OC": "right", "OD": "left", "[H": "home", "[F": "end", "OH": "home", "OF": "end",
    "[1~": "home", "[4~": "end", "[7~": "home", "[8~": "end", "[3~": "delete",
    "[5~": "page up", "[6~": "page down", "[Z": "back tab",
}  # fmt: skip
_CONTROLS = {
    "\r": "enter", "\n": "enter", "\t": "tab", "\x7f": "backspace", "\x08": "backspace",
    "\x15": "clear line", "\x0c": "redraw", "\x1b": "escape",
}  # fmt: skip
# A control sequence, one of three bytes, or a beginning of one that may go on.
_WHOLE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~])")
_BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?\Z")
_PASTE, _PASTE_END = "\x1b[200~", "\x1b[201~"
_MAX_PASTE = 10_000


class Paste(str):
    """A text that was pasted, on one line."""

    __slots__ = ()


class KeyDecoder:
    """Makes keys of bytes, however they are cut into reads."""

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""

    @property
    def is_waiting(self) -> bool:
        """Whether a sequence has begun: it is the key Escape if nothing follows at once."""
        return bool(self._rest) and not self._rest.startswith(_PASTE)

    def feed(self, data: bytes) -> list[str]:
        """The keys that are complete now."""
        self._rest += self._decoder.decode(data)
        keys: list[str] = []
        while self._rest and self._read_one(keys):
            pass
        return keys

    def finish(self) -> list[str]:
        """Nothing followed: what has begun was Escape, and the keys behind it."""
        if not self.is_waiting:
            return []
        rest, self._rest = self._rest[1:], ""
        return ["escape", *(each for each in rest if each.isprintable())]

    def _read_one(self, keys: list[str]) -> bool:
        """Take one key from the front; False if more bytes are needed."""
        rest = self._rest
        if rest.startswith(_PASTE):
            text, end, behind = rest[len(_PASTE) :].partition(_PASTE_END)
            if not end and len(text) <= _MAX_PASTE:
                return False
            keys.append(Paste(" ".join(text[:_MAX_PASTE].split())))
            self._rest = behind
            return True
        if _BEGUN.match(rest):
            return False
        if whole := _WHOLE.match(rest):
            self._rest = rest[whole.end() :]
            if name := _SEQUENCES.get(whole[0][1:]):
                keys.append(name)
            return True
        self._rest = rest[1:]
        name = _CONTROLS.get(rest[0], rest[0])
        if len(name) > 1 or name.isprintable():
            keys.append(name)
        return True
