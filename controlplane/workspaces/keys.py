"""The text of an API key: `tp_`, 8 characters that may be seen, and 256 secret random bits."""

import hashlib
import re
import secrets
import string
from dataclasses import dataclass, field

SCHEME = "tp_"
_ID_LENGTH = 8
_ID_ALPHABET = string.digits + string.ascii_lowercase
_SECRET_BYTES = 32
_SHAPE = re.compile(rf"({SCHEME}[0-9a-z]{{{_ID_LENGTH}}})_[A-Za-z0-9_-]{{43}}")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is made; `secret` is the whole key and must not be kept."""

    prefix: str
    secret: str = field(repr=False)


def make_key() -> NewKey:
    """A key that nobody has."""
    prefix = SCHEME + "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    return NewKey(prefix, f"{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}")


def prefix_of(key: str) -> str | None:
    """The part that may be seen; None when this is no key."""
    match = _SHAPE.fullmatch(key)
    return match[1] if match else None


def hash_key(key: str) -> str:
    """SHA-256, hex: a slow hash would add nothing to 256 random bits, and cost every request."""
    return hashlib.sha256(key.encode()).hexdigest()
