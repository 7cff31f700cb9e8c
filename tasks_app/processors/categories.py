"""The kind of a failure: the rules by which an error gets its dead letter category.

In this order, and the first that gives a category decides: the processor's own `category_of`; the
rules registered with `category_rule`, in the order of their registration; the table below.
"""

import errno
import inspect
import logging
from typing import TypeVar

import pydantic

from tasks_app.processors.outcomes import Fail, RetryLater
from tasks_app.processors.registry import CategoryRule
from tasks_app.states import ErrorCategory

logger = logging.getLogger(__name__)

_Rule = TypeVar("_Rule", bound=CategoryRule)
_rules: dict[str, CategoryRule] = {}

# Clients of other services; looked up by name, since no installation has all of them.
_CLIENTS = frozenset({"httpx", "httpcore", "requests", "urllib3", "urllib", "aiohttp", "botocore"})
_ANSWERS = frozenset({"HTTPStatusError", "HTTPError", "ClientResponseError", "ClientError"})
_SCARCE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
)
_UNREACHABLE = frozenset(
    {errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.EADDRNOTAVAIL}
)
# Errors of PostgreSQL, by the first two characters (PostgreSQL's manual, appendix A).
_STATES = {"08": ErrorCategory.NETWORK, "53": ErrorCategory.RESOURCE}
_STATE_TIMEOUTS = frozenset({"57014", "55P03"})  # a statement or a lock waited too long
_STATE_AWAY = frozenset({"57P01", "57P02", "57P03"})  # the server ends, or is not up yet
_DEPTH = 10


class DependencyFailed(Exception):  # noqa: N818 - it says what happened
    """Something that the work depends on failed: a service, a file, a parent's result."""


def category_rule(rule: _Rule) -> _Rule:
    """Register a rule for every processor: the error to a category, or None to leave it to others.

    Returns the rule, so it serves as a decorator in a module of processors. Registering the same
    function again replaces it.
    """
    inner = inspect.unwrap(rule)
    _rules[f"{inner.__module__}.{getattr(inner, '__qualname__', repr(inner))}"] = rule
    return rule


def categorize(error: BaseException, own: CategoryRule | None = None) -> str:
    """The category of an error; `own` is the rule of its processor. A rule that fails, or gives
    what is no category, is left out."""
    for rule in (own, *_rules.values()):
        if rule is not None and (found := _ask(rule, error)) is not None:
            return found
    return str(_usual(error, _DEPTH))


def _ask(rule: CategoryRule, error: BaseException) -> str | None:
    try:
        found = rule(error)
    except Exception:
        # The original error must be recorded even if the rule fails.
        logger.exception("Category rule failed: rule=%r", rule)
        return None
    return str(found) if found in ErrorCategory.values else None


def _usual(error: BaseException, depth: int) -> ErrorCategory:
    """The table: by the kind of exception."""
    if isinstance(error, Fail | RetryLater):
        # These decide about the task; their cause is the actual error.
        cause = error.__cause__
        return _usual(cause, depth - 1) if cause and depth else ErrorCategory.UNKNOWN
    if isinstance(error, pydantic.ValidationError) or type(error).__name__ == "ValidationError":
        return ErrorCategory.VALIDATION
    if isinstance(error, DependencyFailed):
        return ErrorCategory.DEPENDENCY
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return ErrorCategory.TIMEOUT
    if isinstance(error, MemoryError):
        return ErrorCategory.RESOURCE
    return _of_database(error) or _of_client(error) or _of_system(error) or ErrorCategory.CODE


def _of_database(error: BaseException) -> ErrorCategory | None:
    """PostgreSQL's errors, and Django's that wrap them."""
    cause = error.__cause__
    behind = cause if cause is not None and hasattr(cause, "sqlstate") else error
    if not hasattr(behind, "sqlstate"):
        return None
    state: str | None = behind.sqlstate
    if state is None:
        # No answer from a server: the connection was not made, or broke.
        is_away = type(behind).__name__ in ("OperationalError", "ConnectionTimeout")
        return ErrorCategory.NETWORK if is_away else None
    if state in _STATE_TIMEOUTS:
        return ErrorCategory.TIMEOUT
    if state in _STATE_AWAY:
        return ErrorCategory.NETWORK
    return _STATES.get(state[:2])


def _of_client(error: BaseException) -> ErrorCategory | None:
    """A service that responded with an error is a failed dependency; everything else is network."""
    if type(error).__module__.partition(".")[0] not in _CLIENTS:
        return None
    return ErrorCategory.DEPENDENCY if type(error).__name__ in _ANSWERS else ErrorCategory.NETWORK


def _of_system(error: BaseException) -> ErrorCategory | None:
    if not isinstance(error, OSError):
        return None
    if isinstance(error, BlockingIOError) or error.errno in _SCARCE:
        return ErrorCategory.RESOURCE
    is_network = type(error).__module__ in ("socket", "ssl", "_ssl")
    if isinstance(error, ConnectionError) or is_network or error.errno in _UNREACHABLE:
        return ErrorCategory.NETWORK
    return None
