"""Addresses that people write and that pages show as links."""

from urllib.parse import urlsplit


def is_web_address(text: str, limit: int) -> bool:
    """Whether a page may show the text as a link: http or https with a host, printable, without
    spaces or a password, of at most `limit` characters."""
    if len(text) > limit or not text.isprintable() or " " in text:
        return False
    if not text.startswith(("http://", "https://")):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.password is None
    except ValueError:  # such as an IPv6 address without its end
        return False
