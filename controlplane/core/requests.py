"""The current request, for code that does not receive it: logs, problems, the audit log;
and the reason that was given for a change."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

# Method, route, status and seconds of a request.
Observer = Callable[[str, str, int, float], None]

_observers: list[Observer] = []
PAGE, API, COMMAND = "page", "api", "command"
MAX_REASON = 2_000
# More things than this are changed only for a reason, also where it can be undone.
WITHOUT_REASON = 100


class RequestFacts(NamedTuple):
    """What is known of the current work. `id` is empty outside a request. `door` is how it came in:
    PAGE, API or COMMAND, empty for the platform's own work. `reason` is why the person or the
    client does it, empty if they did not say."""

    id: str = ""
    client_ip: str | None = None
    door: str = ""
    reason: str = ""


_NOTHING = RequestFacts()
_current: ContextVar[RequestFacts] = ContextVar("taskplane_request", default=_NOTHING)


def current_request_id() -> str:
    return _current.get().id


def current_client_ip() -> str | None:
    return _current.get().client_ip


def current_door() -> str:
    return _current.get().door


def current_reason() -> str:
    return _current.get().reason


def enter_request(facts: RequestFacts) -> None:
    """Remember the request for the rest of this context."""
    _current.set(facts._replace(reason=_clean(facts.reason)) if facts.reason else facts)


def leave_request() -> None:
    _current.set(_NOTHING)


@contextmanager
def stating_reason(reason: str) -> Iterator[None]:
    """Every event of the audit log that is written in the block has this reason, unless it has one
    of its own."""
    with _replacing(reason=_clean(reason)):
        yield


def needs_reason(count: int, *, is_undoable: bool) -> bool:
    """Whether a change of that many things is made only for a reason."""
    return count > WITHOUT_REASON or (count > 1 and not is_undoable)


@contextmanager
def working_for(cause: str, door: str = "") -> Iterator[None]:
    """Work outside a request: `cause`, such as `operation:<id>`, takes the place of its id."""
    with _replacing(id=cause, door=door):
        yield


@contextmanager
def _replacing(**facts: str) -> Iterator[None]:
    token = _current.set(_current.get()._replace(**facts))
    try:
        yield
    finally:
        _current.reset(token)


def _clean(reason: str) -> str:
    return " ".join(reason.replace("\0", " ").split())[:MAX_REASON]


def register_observer(observe: Observer) -> None:
    """Have requests observed that pass no middleware."""
    _observers.append(observe)


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """Show the observers a request that passed no middleware."""
    for observe in _observers:
        observe(method, route, status, seconds)


class RequestIdFilter(logging.Filter):
    """Gives every log record a `request_id`: `-` outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id() or "-"
        return True


class ClientFaultFilter(logging.Filter):
    """Removes the traceback from Django's log records about suspicious requests: anybody can send
    one, and the traceback shows only Django's own check."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            record.exc_info = record.exc_text = None
        return True
