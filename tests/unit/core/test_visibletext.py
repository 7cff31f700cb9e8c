"""Text of strangers on a page: everything of it is seen, and nothing beside it is turned round."""

import json

import pytest

from controlplane.core.admin.display import json_html
from controlplane.core.visibletext import isolated_text, visible_html, visible_name, visible_text
from tests.corpus import TEXTS
from tests.pagescan import dangers_of

WORD = "مرحبا"


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_of_a_text_is_invisible(name: str) -> None:
    for text in (visible_text(TEXTS[name]), isolated_text(TEXTS[name])):
        assert dangers_of(text) == []
        assert visible_html(text.replace("<", "")) == text.replace("<", "")


def test_what_people_write_with_stays() -> None:
    for text in ("👩\u200d👧", "a\u00a0b", "日本\u3000語", "naïve", "a\nb\tc"):
        assert visible_text(text, keep_lines=True) == text


def test_only_a_text_from_right_to_left_is_isolated() -> None:
    assert isolated_text("plain") == "plain"
    assert isolated_text(WORD) == f"\u2068{WORD}\u2069"
    assert isolated_text(f"{WORD}\u2069\u202e") == f"\u2068{WORD}\\u2069\\u202e\u2069"


def test_values_of_forms_stay_as_they_are() -> None:
    kept = (
        '<input name="q" value="\u202ea"><textarea>\u202eb</textarea>'
        '<tr data-row="queues#rows/\u202ec"><option value="\u202ed">d</option>'
    )
    assert visible_html(kept) == kept


def test_texts_and_spoken_attributes_are_shown() -> None:
    page = f'<p title="\u202ea" aria-label="\x1b">\u202eb \u2068{WORD}\u2069 \u2069</p>'
    shown = f'<p title="\\u202ea" aria-label="\\x1b">\\u202eb \u2068{WORD}\u2069 \\u2069</p>'
    assert visible_html(page) == shown


@pytest.mark.parametrize("text", ["", "   ", "\t\n", "\u00a0", "\u200d", "\u3000"])
def test_a_name_of_blanks_is_a_word(text: str) -> None:
    assert visible_name(text) == "(blank)"
    assert visible_name(f"{text}a{text}") == f"{text}a{text}"


def test_a_key_keeps_its_place_before_its_value() -> None:
    text = json.dumps({"مرحبا": "عالم", "n": 1}, ensure_ascii=False)
    shown = (
        "{<bdi>&quot;مرحبا&quot;</bdi>: <bdi>&quot;عالم&quot;</bdi>, <bdi>&quot;n&quot;</bdi>: 1}"
    )
    assert json_html(text) == shown
    assert json_html('{"a": "<b>"}') == '{"a": "<b>"}'  # a template escapes it
