"""Types of the ASGI messages between the server and the applications."""

from collections.abc import Awaitable, Callable, Mapping
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
        """The bytes of a body that has arrived as a whole; None while more may come."""

    async def send(self, reply: Reply) -> None:
        """Send the whole response."""


_EXTENSION = "taskplane.exchange"


def offer_exchange(scope: Scope, exchange: Exchange) -> None:
    """For a server that has one: an extension of ASGI."""
    scope["extensions"] = {**scope.get("extensions", {}), _EXTENSION: exchange}


def find_exchange(scope: Scope) -> Exchange | None:
    """What the server offers; None from other servers."""
    found: Exchange | None = scope.get("extensions", {}).get(_EXTENSION)
    return found
