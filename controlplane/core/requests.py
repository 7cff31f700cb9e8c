"""The current request, for code that does not receive it: logs, problems, the audit log;
and the reason that was given for a change."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Method, route, status and seconds of a request.
Observer = Callable[[str, str, int, float], None]

_observers: list[Observer] = []
_request_id: ContextVar[str] = ContextVar("taskplane_request_id", default="")
_client_ip: ContextVar[str | None] = ContextVar("taskplane_client_ip", default=None)
_door: ContextVar[str] = ContextVar("taskplane_door", default="")
_reason: ContextVar[str] = ContextVar("taskplane_reason", default="")

PAGE, API, COMMAND = "page", "api", "command"
MAX_REASON = 2_000
# More things than this are changed only for a reason, also where it can be undone.
WITHOUT_REASON = 100


def current_request_id() -> str:
    """The id of the current request; empty outside a request."""
    return _request_id.get()


def current_client_ip() -> str | None:
    """The client of the current request; None outside a request."""
    return _client_ip.get()


def current_door() -> str:
    """How the current work came in: PAGE, API or COMMAND; empty for the platform's own."""
    return _door.get()


def current_reason() -> str:
    """Why the person or the client does what is being done; empty if they did not say."""
    return _reason.get()


@contextmanager
def stating_reason(reason: str) -> Iterator[None]:
    """Every event of the audit log that is written in the block has this reason, unless it has one
    of its own."""
    token = _reason.set(_clean(reason))
    try:
        yield
    finally:
        _reason.reset(token)


def needs_reason(count: int, *, is_undoable: bool) -> bool:
    """Whether a change of that many things is made only for a reason."""
    return count > WITHOUT_REASON or (count > 1 and not is_undoable)


def _clean(reason: str) -> str:
    return " ".join(reason.replace("\0", " ").split())[:MAX_REASON] if reason else ""


def enter_request(
    request_id: str, client_ip: str | None, door: str = API, reason: str = ""
) -> None:
    """Remember the request for the rest of this context."""
    _request_id.set(request_id)
    _client_ip.set(client_ip)
    _door.set(door)
    _reason.set(_clean(reason))


def leave_request() -> None:
    enter_request("", None, "", "")


@contextmanager
def working_for(cause: str, door: str = "") -> Iterator[None]:
    """Work outside a request: `cause`, such as `operation:<id>`, takes the place of its id."""
    tokens = (_request_id.set(cause), _door.set(door))
    try:
        yield
    finally:
        _request_id.reset(tokens[0])
        _door.reset(tokens[1])


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
