"""Whether a configured secret is strong: not short, not guessable, not well known."""

from itertools import pairwise
from urllib.parse import unquote, urlsplit

# What people write to have something there. Compared in lower case, without signs between.
_KNOWN = frozenset(
    {
        "secret", "password", "passw0rd", "pass", "changeme", "changethis", "changeit", "admin",
        "administrator", "root", "test", "example", "default", "guest", "user", "postgres",
        "postgresql", "redis", "valkey", "rabbitmq", "taskplane", "django", "letmein", "qwerty",
        "12345678", "123456789", "1234567890", "123456", "1234",
    }
)  # fmt: skip
_PLACEHOLDERS = ("changeme", "djangoinsecure", "yoursecretkey", "replaceme", "placeholder")
_MIN_DISTINCT = 8
_TRIGRAM = 3
_MIN_TRIGRAM_SHARE = 0.7
_MAX_STEP_SHARE = 0.7


def find_weakness(secret: str, *, min_length: int) -> str:
    """Why a key or token is not secret, as the end of a sentence; empty if it may be. Random hex,
    Base64 and passphrases pass; repetitions and sequences do not, since they are easy to guess from
    their beginning.
    """
    if len(secret) < min_length:
        return f"is missing or too short: it needs at least {min_length} random characters"
    if any(word in _bare(secret) for word in _PLACEHOLDERS):
        return "is a placeholder: it needs random characters"
    if len(set(secret)) < _MIN_DISTINCT or _repeats(secret) or _counts(secret):
        return (
            "can be guessed, since it is repetitive or a sequence: it needs random characters, as "
            'from python -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    return ""


def is_default_password(password: str, *names: str) -> bool:
    """Whether a server's password is easy to guess: well known, or the user's name. An empty one is
    accepted: the server may authenticate its clients in another way."""
    if not password:
        return False
    known = _KNOWN | {_bare(name) for name in names if name}
    return _bare(password) in known or len(set(password)) == 1


def login_of(url: str) -> tuple[str, str]:
    """User and password of an address."""
    parts = urlsplit(url)
    return unquote(parts.username or ""), unquote(parts.password or "")


def _bare(text: str) -> str:
    return "".join(each for each in text.lower() if each.isalnum())


def _repeats(secret: str) -> bool:
    """In random characters nearly all groups of three differ; in a repetition only few."""
    groups = [secret[at : at + _TRIGRAM] for at in range(len(secret) - _TRIGRAM + 1)]
    return len(set(groups)) < _MIN_TRIGRAM_SHARE * len(groups)


def _counts(secret: str) -> bool:
    """Such as abcdef…: most characters are the neighbour of the one before."""
    steps = [ord(after) - ord(before) for before, after in pairwise(secret)]
    return sum(abs(step) <= 1 for step in steps) > _MAX_STEP_SHARE * len(steps)
