"""Names that people give: two that look alike are one name.

The rules follow the Nickname profile of PRECIS (RFC 8266), which knows neither emoji nor the limits
of a column: a name is stored in NFC and not NFKC, variation selectors are dropped, and the joiners
are allowed between emoji and in the scripts that need them.
"""

import re
import unicodedata

_SPACES = re.compile(" {2,}")
_DRAWING = re.compile("[\ufe00-\ufe0f]")  # variation selectors: how a character is drawn
_NON_JOINER, _JOINER = "\u200c", "\u200d"
_VIRAMA = 9  # the combining class of the sign that joins consonants in Indic scripts
_REFUSED = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
# Characters of other categories that show nothing: Default_Ignorable_Code_Point of Unicode, and
# the blanks of Braille and of musical notation.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\uffa0\ufff0-\uffff"
    "\U0001d159\U000e0000-\U000e0fff]"
)


class InvalidNameError(ValueError):
    """The error of a name, as a sentence."""


def canonical_name(text: str) -> str:
    """The form in which a name is kept and compared.

    NFC, without variation selectors; blanks at the ends are cut, and others are one space.
    """
    if text.isascii():
        return _SPACES.sub(" ", text.strip()) if "  " in text or text != text.strip() else text
    text = unicodedata.normalize("NFC", _DRAWING.sub("", text))
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in text)
    return _SPACES.sub(" ", spaced.strip())


def check_name(text: object, *, limit: int) -> str:
    """The canonical form. Raises InvalidNameError for a name that is empty, too long, or has a
    character that is not shown."""
    name = canonical_name(text) if isinstance(text, str) else ""
    if not 0 < len(name) <= limit:
        raise InvalidNameError(f"This must be a string of 1 to {limit} characters.")
    if name.isascii() and name.isprintable():
        return name
    for place, char in enumerate(name):
        if _is_invisible(name, place, char):
            raise InvalidNameError(
                f"Character {place + 1} is {_show(char)}, which is not shown: remove it."
            )
    return name


def _is_invisible(name: str, place: int, char: str) -> bool:
    if char in (_JOINER, _NON_JOINER):
        return not _joins(name, place, char)
    return unicodedata.category(char) in _REFUSED or _INVISIBLE.match(char) is not None


def _joins(name: str, place: int, joiner: str) -> bool:
    """Whether a joiner changes how its neighbours are written (RFC 5892, appendix A, without the
    tables of joining types)."""
    before, after = name[max(0, place - 1) : place], name[place + 1 : place + 2]
    if not before or not after:
        return False
    if unicodedata.combining(before) == _VIRAMA:
        return True
    if joiner == _JOINER:
        return all(unicodedata.category(char) in ("So", "Sk") for char in (before, after))
    return all(unicodedata.name(char, "").startswith("ARABIC LETTER") for char in (before, after))


def _show(char: str) -> str:
    name = unicodedata.name(char, "")
    return f"U+{ord(char):04X}" + (f" ({name})" if name else "")
