"""Text that other people wrote, as a page shows it: nothing in it is invisible, and none of it
turns round what stands beside it."""

import re
import string
import unicodedata

from controlplane.core.safetext import safe_text

# Beside what `safe_text` leaves: the joiners that scripts and emoji are written with, and spaces
# other than the plain one, which all take room.
_KEPT = re.compile("([\u200c\u200d\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000])")
# Bytes that are always shown as they are, and are nearly all of a page.
_PLAIN_BYTES = f"{string.digits}{string.ascii_letters}{string.punctuation} \n\t".encode()
_ISOLATE, _END = "\u2068", "\u2069"  # first strong isolate, pop directional isolate
_ISOLATED = re.compile(f"{_ISOLATE}[^{_ISOLATE}{_END}]*{_END}")
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})

# Parts of well-formed HTML, in which a template has escaped every < and > that is text.
_TAG = re.compile(r"(<[^>]*>)")
_SPOKEN = re.compile(
    r"(?<=\s)((?:title|aria-label|placeholder|alt|label|data-confirm(?:-text|-button|-note)?)=\")"
    r"([^\"]*)"
)
# What stands between these tags is not read by people, or is sent back as it is.
_RAW = re.compile(r"<(/?)(?:textarea|script|style)\b", re.IGNORECASE)


def visible_text(text: object, *, keep_lines: bool = False) -> str:
    """As `safe_text`, but with the joiners and spaces that people write with."""
    value = str(text)
    if value.isprintable() and value.isascii():
        return value
    parts = _KEPT.split(value)
    return "".join(
        part if _KEPT.fullmatch(part) else safe_text(part, keep_lines=keep_lines) for part in parts
    )


def isolated_text(text: object) -> str:
    """For a text within a sentence or an attribute, where no element can hold it: what is written
    from right to left does not turn round the words beside it."""
    shown = visible_text(text, keep_lines=True)
    return f"{_ISOLATE}{shown}{_END}" if reads_from_right(shown) else shown


def visible_name(text: object) -> str:
    """A text as a link has it: a link of blanks alone could be neither seen nor read aloud."""
    name = str(text)
    return name if _KEPT.sub("", name).strip() else "(blank)"


def reads_from_right(text: str) -> bool:
    """Whether a letter or a digit of it is written from right to left."""
    return not text.isascii() and any(
        unicodedata.bidirectional(each) in _RIGHT_TO_LEFT for each in text
    )


def visible_html(html: str) -> str:
    """A page in which nothing of the texts, and of the attributes that are read or spoken, is
    invisible. Values of forms stay as they are: they are sent back."""
    if _is_plain(html):
        return html
    is_raw = False
    parts = _TAG.split(html)
    for number, part in enumerate(parts):
        if number % 2:
            parts[number] = _SPOKEN.sub(_show_attribute, part)
            mark = _RAW.match(part)
            is_raw = is_raw if mark is None else not mark[1]
        elif not is_raw:
            parts[number] = _show(part)
    return "".join(parts)


def _is_plain(html: str) -> bool:
    """Whether nothing of it has to be escaped. Each page is asked: to look at its characters one by
    one takes twenty times as long as to remove the plain bytes."""
    others = html.encode(errors="surrogatepass").translate(None, _PLAIN_BYTES)
    rest = _KEPT.sub("", others.decode(errors="surrogatepass"))
    return visible_text(rest) == rest


def _show_attribute(found: re.Match[str]) -> str:
    return found[1] + _show(found[2])


def _show(text: str) -> str:
    """What `isolated_text` has put round a text stays."""
    if _ISOLATE not in text:
        return visible_text(text, keep_lines=True)
    shown, begin = [], 0
    for pair in _ISOLATED.finditer(text):
        inner = visible_text(pair[0][1:-1], keep_lines=True)
        shown += [visible_text(text[begin : pair.start()], keep_lines=True), _ISOLATE, inner, _END]
        begin = pair.end()
    return "".join([*shown, visible_text(text[begin:], keep_lines=True)])
