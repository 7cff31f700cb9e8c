"""Types of the ASGI messages between the server and the applications."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

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
