"""The messages that a page shows, with their levels."""

import re
from html import unescape

_TOAST = re.compile(r'<li class="toast">.*?<span class="(\w+)">(.*?)</span>')


def messages_of(page: str) -> list[tuple[str, str]]:
    """Level and text of each message: only `success` is green."""
    return [(level, unescape(text)) for level, text in _TOAST.findall(page)]
