"""Bytes of a terminal as keys, and texts in its columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from controlplane.core.console.cells import Line, fit, spark, wrap
from controlplane.core.console.keys import KeyDecoder, Paste
from controlplane.core.console.paint import BASIC, INDEXED, NONE, STYLES, TRUE, Paint, count_colours
from tests.corpus import TEXTS
from tests.hostiletext import HOSTILE, find_dangers

KEYS = b"j\x1b[A\x1bOB\x1b[5~\r\t\x7f\x15\xc3\xa9\x1b[1;5C\x1b[200~q\ny\x1b[201~k"
NAMES = ["j", "up", "down", "page up", "enter", "tab", "backspace", "clear line", "é", "q y", "k"]


@given(st.lists(st.integers(1, len(KEYS) - 1), max_size=6))
def test_keys_are_the_same_however_they_arrive(cuts: list[int]) -> None:
    decoder, keys, begin = KeyDecoder(), [], 0
    for end in [*sorted(set(cuts)), len(KEYS)]:
        keys += decoder.feed(KEYS[begin:end])
        begin = end
    assert keys == NAMES
    assert isinstance(keys[-2], Paste)


def test_escape_is_a_key_when_nothing_follows() -> None:
    decoder = KeyDecoder()
    assert decoder.feed(b"\x1b") == []
    assert decoder.is_waiting
    assert decoder.finish() == ["escape"]
    assert not decoder.is_waiting
    assert decoder.finish() == []


@given(st.binary(max_size=60))
def test_no_bytes_stop_it(data: bytes) -> None:
    decoder = KeyDecoder()
    for key in [*decoder.feed(data), *decoder.finish()]:
        assert len(key) > 1 or key.isprintable() or isinstance(key, Paste)


@given(st.text(max_size=40), st.integers(0, 30), st.booleans())
def test_a_text_takes_exactly_its_columns(text: str, width: int, is_right: bool) -> None:
    assert wcswidth(fit(text, width, is_right=is_right)) == width


@pytest.mark.parametrize("text", [*TEXTS.values(), HOSTILE])
def test_the_corpus_fits(text: str) -> None:
    for width in (1, 7, 40):
        assert wcswidth(fit(text, width)) == width
        for line in wrap(text, width + 1, 5):
            assert wcswidth(line) <= width + 1
            assert find_dangers(line) == []


def test_words_are_not_broken_where_a_blank_is_near() -> None:
    assert wrap("one two three four", 8, 5) == ["one two", "three", "four"]
    assert wrap("one two three four", 8, 2) == ["one two", "three f…"]
    assert wrap("", 8, 2) == [""]


def test_bars_are_gaps_where_nothing_is_known() -> None:
    assert spark([0.0, None, 4.0, 8.0], 6) == "  ▁ ▄█"
    assert spark([], 3) == "   "
    assert spark([0.0, 0.0], 2) == "▁▁"


@pytest.mark.parametrize(
    ("environ", "colours"),
    [
        ({"TERM": "xterm-256color"}, INDEXED),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, TRUE),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, NONE),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, INDEXED),
        ({"TERM": "linux"}, BASIC),
        ({"TERM": "vt220"}, NONE),
        ({}, NONE),
    ],
)
def test_colours_are_those_of_the_terminal(environ: dict[str, str], colours: int) -> None:
    assert count_colours(environ) == colours


def test_every_style_is_known_in_any_number_of_colours() -> None:
    line = Line(20, style="selected")
    for number, style in enumerate(sorted(STYLES)):
        line.put(number, "x", style)
    assert "38;2;" in Paint(TRUE).line(line)
    assert "38;5;" in Paint(INDEXED).line(line)
    assert "\x1b[7;31m" in Paint(BASIC).line(line)
    assert "3" not in Paint(NONE).line(line).replace("\x1b[3G", "").replace("[13G", "")
