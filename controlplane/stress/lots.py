"""Which tasks of a test fail: decided by the seed and the task's number alone. Pure."""

import hashlib

_ALL = 2**64


def is_doomed(seed: int, index: int, rate: float) -> bool:
    """Whether the task fails: true for about this share (0…1) of the indexes, always the same."""
    text = f"{seed}:{index}".encode()
    drawn = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
    return drawn < rate * _ALL
