"""What every HTTP request passes before Django sees it, whichever server has read it."""

import asyncio

from django.conf import settings
from django.utils.http import parse_header_parameters

from controlplane.core.http import bodies
from controlplane.core.http.messages import App, Message, Receive, Scope, Send, find_exchange
from controlplane.core.http.problemdetails import Problem, render, too_large

Headers = dict[bytes, bytes]

_LENGTH_DIGITS = 18
_CONTENT_TYPE_LONGEST = 1_000
_DISCONNECT = {"type": "http.disconnect"}


class RequestGate:
    """Refuses HTTP requests with impossible headers (400), an encoded body (415), more than
    BODY_MAX_BYTES (413), a large body of a stranger (401), or a body that comes too slowly (408).

    It does so while the body arrives, and does not read on. Daphne stores a body before it calls
    this: `controlplane.core.http.server` applies the same limits there.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass valid requests on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit: int = settings.TASKPLANE["BODY_MAX_BYTES"]
        headers = dict(scope["headers"])
        problem = _problem_of_headers(headers, limit)
        if problem is None and _has_small_body(scope, limit):
            await self._app(scope, receive, send)
        elif problem is None:
            body = _LimitedBody(receive, headers, limit)
            problem = await body.admit()
            if problem is None:
                # Django treats a refusal as a disconnected client, and logs nothing.
                await self._app(scope, body.receive, send)
                problem = body.problem
        if problem is not None:
            await _answer(problem, send)


class _LimitedBody:
    """The body of one request. `problem` says why it was not read to its end."""

    def __init__(self, receive: Receive, headers: Headers, limit: int) -> None:
        self.problem: Problem | None = None
        self._receive = receive
        self._headers = headers
        self._limit = limit
        self._size = 0
        self._is_verified = False
        self._began = asyncio.get_running_loop().time()
        self._is_whole = False

    async def admit(self) -> Problem | None:
        """The refusal of a body that says it is large, before it is asked for."""
        if int(self._headers.get(b"content-length", b"0")) > bodies.UNVERIFIED_MAX_BYTES:
            return await self._verify()
        return None

    async def receive(self) -> Message:
        if self._is_whole:  # what comes now is the end of the connection
            return await self._receive()
        limit = bodies.VERIFIED_SECONDS if self._is_verified else bodies.UNVERIFIED_SECONDS
        try:
            async with asyncio.timeout_at(self._began + limit):
                message = await self._receive()
        except TimeoutError:
            self.problem = bodies.too_slow(limit)
            return _DISCONNECT
        self._size += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._size > self._limit:
            self.problem = too_large(self._limit)
        elif self._size > bodies.UNVERIFIED_MAX_BYTES and not self._is_verified:
            self.problem = await self._verify()
        return message if self.problem is None else _DISCONNECT

    async def _verify(self) -> Problem | None:
        self._is_verified = True
        authorization, cookie = (
            self._headers.get(name, b"").decode("latin1") for name in (b"authorization", b"cookie")
        )
        return await bodies.check_credentials(authorization, cookie)


def _has_small_body(scope: Scope, limit: int) -> bool:
    """Whether the body has arrived, and is one that nothing would refuse."""
    exchange = find_exchange(scope)
    size = None if exchange is None else exchange.body_size
    return size is not None and size <= min(limit, bodies.UNVERIFIED_MAX_BYTES)


def _problem_of_headers(headers: Headers, limit: int) -> Problem | None:
    length = headers.get(b"content-length", b"0").strip()
    if not length.isdigit() or len(length) > _LENGTH_DIGITS:
        return Problem(400, "Content-Length is not a number of bytes: send the length of the body.")
    if int(length) > limit:
        return too_large(limit)
    if headers.get(b"transfer-encoding", b"chunked").strip().lower() != b"chunked":
        return Problem(501, "Transfer-Encoding is not supported: use none, or chunked.")
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        return Problem(415, "Content-Encoding is not supported: send the body as it is.")
    content_type = headers.get(b"content-type", b"")
    try:
        parse_header_parameters(content_type[:_CONTENT_TYPE_LONGEST].decode("latin1"))
    except ValueError:
        return Problem(400, "Content-Type cannot be understood.")
    if len(content_type) > _CONTENT_TYPE_LONGEST:
        return Problem(400, f"Content-Type has more than {_CONTENT_TYPE_LONGEST} characters.")
    return None


async def _answer(problem: Problem, send: Send) -> None:
    headers, body = render(problem)
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
