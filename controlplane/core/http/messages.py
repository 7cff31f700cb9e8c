"""Types of the ASGI messages between the server and the applications."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]


class Reply(NamedTuple):
    """A complete response."""

    status: int
    headers: list[Header]
    body: bytes


class Exchange(Protocol):
    """A request and its response, for what ASGI's messages do more slowly."""

    @property
    def body_size(self) -> int | None:
        """The bytes of a body that has arrived as a whole and was not received yet; None while
        more may come."""

    async def send(self, reply: Reply) -> None:
        """Send the whole response. It has a content-length, and no header `connection`."""


_EXTENSION = "taskplane.exchange"


@contextmanager
def offered_exchange(scope: Scope, exchange: Exchange) -> Iterator[None]:
    """Offer it, as an extension of ASGI, for as long as the request is served: a server's exchange
    that its scope still names would be freed by the collector of cycles only."""
    scope["extensions"] = {_EXTENSION: exchange}
    try:
        yield
    finally:
        del scope["extensions"]


def find_exchange(scope: Scope) -> Exchange | None:
    """What the server offers; None from other servers."""
    found: Exchange | None = (scope.get("extensions") or {}).get(_EXTENSION)
    return found
