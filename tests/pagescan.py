"""What a page's HTML is made of: whether any of it could only have come from what people wrote, and
whether their texts stand on it safely."""

import re
import unicodedata
from html.parser import HTMLParser
from urllib.parse import urlsplit

from tests.hostiletext import find_dangers

_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
})  # fmt: skip
# Elements that no page of ours or of Django has.
_FOREIGN = frozenset({
    "iframe", "object", "embed", "base", "style", "image", "frame", "animate", "set", "marquee",
})  # fmt: skip
_PICTURES, _SCRIPTS = "/static/admin/img/", ("/static/", "/admin/jsi18n/")
_COMMENTS = frozenset({"DIV needed for valid HTML"})
_ADDRESSES = ("href", "src", "action", "formaction", "xlink:href", "data", "poster", "ping")
_SPOKEN = ("title", "aria-label", "placeholder", "alt", "aria-description")
_SEEN = ("title", "data-confirm", "data-confirm-text", "data-confirm-button", "data-confirm-note")
_FORM_TEXTS = frozenset({"textarea"})
_JOINERS = str.maketrans("", "", "\u200c\u200d\ufe0f")
_OPENING, _CLOSING = "\u2066\u2067\u2068", "\u2069"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
# What scripts of ours draw again when a live topic changes: shell.css makes it grey when it is old.
_LIVE = frozenset({
    "data-live", "data-row", "data-rows", "data-sum", "data-topic", "data-changes",
    "data-list-changes", "data-newer", "data-subject",
})  # fmt: skip
# base.css isolates these from what stands beside them.
_INLINE = frozenset({
    "a", "abbr", "b", "bdi", "button", "code", "em", "i", "kbd", "label", "option", "small", "span",
    "strong", "time",
})  # fmt: skip


class Scan(HTMLParser):
    """`faults` are sentences, `text` is what a person would read."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.parts: list[str] = []
        self._open: list[_Element] = []
        self._feed_all(html)

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def _feed_all(self, html: str) -> None:
        self.feed(html)
        self.close()
        if self._open:
            self.faults.append(f"not closed: {[each.tag for each in self._open]}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._check_element(tag, values)
        for element in self._open[-1:]:
            element.add(tag)
        if tag not in _VOID:
            self._open.append(
                _Element(tag, "readonly" in values.get("class", ""), "data-follows" in values)
            )

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._check_element(tag, {name: value or "" for name, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        while self._open:
            element = self._open.pop()
            self.faults += element.check()
            if element.tag == tag:
                return
            if element.tag not in ("p", "li", "option", "dt", "dd"):  # these close themselves
                self.faults.append(f"</{tag}> closes <{element.tag}>")
        self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        tag = self._open[-1].tag if self._open else ""
        if tag in ("script", "style") and data.strip():
            self.faults.append(f"inline <{tag}>: {data[:60]!r}")
        self.parts.append(data)
        if tag in _FORM_TEXTS:
            return
        self.faults += [f"in <{tag}>: {each}" for each in dangers_of(data)]
        if self._open:
            self._open[-1].add("", data)

    def handle_comment(self, data: str) -> None:
        if data.strip() not in _COMMENTS:
            self.faults.append(f"comment: {data[:60]!r}")

    def _check_element(self, tag: str, values: dict[str, str]) -> None:
        follows = "data-follows" in values or any(each.follows for each in self._open)
        if not follows and _LIVE & values.keys():
            self.faults.append(f"not in data-follows: <{tag} {values}>"[:200])
        if tag in _FOREIGN:
            self.faults.append(f"<{tag} {values}>"[:200])
        if tag == "script" and not values.get("src", "").startswith(_SCRIPTS):
            self.faults.append(f"script: {values}")
        if tag == "img" and not values.get("src", "").startswith(_PICTURES):
            self.faults.append(f"img: {values}")
        for name, value in values.items():
            if name.startswith("on") or name == "style":
                self.faults.append(f"<{tag} {name}={value[:60]!r}>")
            if name in _ADDRESSES and not _is_own(value):
                self.faults.append(f"<{tag} {name}={value[:60]!r}>")
            if name in _SPOKEN or name.startswith("data-confirm"):
                self.faults += [f"in {name} of <{tag}>: {each}" for each in dangers_of(value)]
            if name in _SEEN and mixes_directions(value):
                self.faults.append(f"not isolated in {name} of <{tag}>: {value[:90]!r}")


class _Element:
    """One that is open. Django shows JSON in one that is `is_readonly`, as it is. One that
    `follows` a live topic is grey when it is old."""

    def __init__(self, tag: str, is_readonly: bool, follows: bool) -> None:
        self.tag = tag
        self.is_readonly = is_readonly
        self.follows = follows
        self.children: list[tuple[str, str]] = []

    def add(self, tag: str, text: str = "") -> None:
        if tag or text.strip():
            self.children.append((tag, text))

    def check(self) -> list[str]:
        """Text from right to left must not stand loose beside other text."""
        if self.is_readonly:
            return []
        loose = [text for tag, text in self.children if not tag and reads_from_right(text)]
        faults = [text for text in loose if mixes_directions(text)]
        if self.tag not in _INLINE and self.tag != "pre" and len(self.children) > 1:
            faults = loose
        return [f"not isolated in <{self.tag}>: {text.strip()[:90]!r}" for text in faults]


def dangers_of(text: str) -> list[str]:
    """Characters that show nothing, or turn others round; a pair that isolates does neither."""
    kept = text.translate(_JOINERS)
    if kept.count("\u2068") == kept.count(_CLOSING):
        kept = kept.replace("\u2068", "").replace(_CLOSING, "")
    found = find_dangers(" ".join(kept.split("\n")).replace("\t", " ").replace("\u00a0", " "))
    return [each for each in found if each.startswith("U+")]  # a line of a page forges nothing


def reads_from_right(text: str) -> bool:
    """Whether a letter from right to left stands outside a pair that isolates."""
    depth = 0
    for character in text:
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        elif depth <= 0 and unicodedata.bidirectional(character) in _RIGHT_TO_LEFT:
            return True
    return False


def mixes_directions(text: str) -> bool:
    """Whether words of ours stand beside such letters: they begin neither of the corpus's texts."""
    beginnings = ("שלום", "مرحبا", "ﷺ")
    has_words = re.search("[A-Za-z]{2}", text) is not None
    return reads_from_right(text) and has_words and not text.strip(' "\n\t').startswith(beginnings)


def _is_own(address: str) -> bool:
    found = urlsplit(address)
    return not found.scheme and not found.netloc
