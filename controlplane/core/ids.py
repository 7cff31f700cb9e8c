"""Ids: UUIDv7, which sort by the time they were made."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["first_id_of", "parse_uuid", "parse_uuid_or_none", "uuid7"]

_LENGTH = 36


def parse_uuid(text: str) -> UUID:
    """The id in its canonical form (32 hexadecimal digits and four hyphens). Raises ValueError: it
    is no such id; a caller answers as for an object that does not exist."""
    # UUID() alone also takes braces, "urn:uuid:" and hyphens anywhere: several names for one thing.
    if len(text) != _LENGTH or any(text[at] != "-" for at in (8, 13, 18, 23)):
        raise ValueError("This is not an id.")
    digits = text.replace("-", "")
    if len(digits) != _LENGTH - 4 or not digits.isascii() or not digits.isalnum():
        raise ValueError("This is not an id.")
    return UUID(hex=digits)


def parse_uuid_or_none(text: str) -> UUID | None:
    """A text that a person typed, as an id if it is one."""
    try:
        return parse_uuid(text.strip())
    except ValueError:
        return None


def first_id_of(at: datetime) -> UUID:
    """The lowest UUIDv7 of a millisecond (RFC 9562, section 5.7): ids are in order of time."""
    return UUID(int=max(0, min(int(at.timestamp() * 1000), 2**48 - 1)) << 80)
