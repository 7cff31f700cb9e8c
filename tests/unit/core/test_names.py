"""Names that look alike are one name, and a name shows all that it has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.core.names import InvalidNameError, canonical_name, check_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Nightly", "Nightly"),
        (" Nightly\t\n", "Nightly"),
        ("Night  ly", "Night ly"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("a\u00a0b\u2003c", "a b c"),
        ("\u2764\ufe0f love", "\u2764 love"),
        ("e\ufe0f\u0301", "\u00e9"),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),  # one emoji of two
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),  # Persian
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),  # Devanagari
        ("\u65e5\u672c\u8a9e", "\u65e5\u672c\u8a9e"),
    ],
)
def test_a_name_is_kept_in_one_form(text: str, name: str) -> None:
    assert check_name(text, limit=20) == name


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "1 to 20 characters"),
        (" \u00a0 ", "1 to 20 characters"),
        ("x" * 21, "1 to 20 characters"),
        (None, "1 to 20 characters"),
        (5, "1 to 20 characters"),
        ("a\x00b", "Character 2 is U+0000"),
        ("a\nb", "Character 2 is U+000A"),
        ("a\x1b[31m", "Character 2 is U+001B"),
        ("a\u200bb", "U+200B (ZERO WIDTH SPACE), which is not shown"),
        ("a\u200db", "ZERO WIDTH JOINER"),
        ("ab\u200d", "ZERO WIDTH JOINER"),
        ("a\u200cb", "ZERO WIDTH NON-JOINER"),
        ("\U0001f469\u200d\u200d\U0001f4bb", "ZERO WIDTH JOINER"),
        ("\ufeffa", "U+FEFF"),
        ("a\u00adb", "SOFT HYPHEN"),
        ("\u202eabc", "RIGHT-TO-LEFT OVERRIDE"),
        ("a\u2066b", "LEFT-TO-RIGHT ISOLATE"),
        ("a\u2028b", "LINE SEPARATOR"),
        ("a\u034fb", "COMBINING GRAPHEME JOINER"),
        ("\u3164", "HANGUL FILLER"),
        ("\u2800", "BRAILLE PATTERN BLANK"),
        ("a\U000e0041", "TAG LATIN CAPITAL LETTER A"),
        ("a\ue000", "U+E000"),
        ("a\ud800", "U+D800"),
    ],
)
def test_what_cannot_be_a_name_says_why(text: object, sentence: str) -> None:
    with pytest.raises(InvalidNameError) as refused:
        check_name(text, limit=20)
    assert sentence in str(refused.value)


@given(st.text(max_size=20))
def test_a_canonical_name_is_its_own_canonical_name(text: str) -> None:
    name = canonical_name(text)
    assert canonical_name(name) == name
