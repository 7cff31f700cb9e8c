"""The ASGI application for WebSockets: `/ws/live`. docs/live.md has the protocol."""

import asyncio
import logging
from collections.abc import Mapping

from controlplane.core.http.messages import Receive, Scope, Send
from controlplane.core.http.pathprefix import path_within
from controlplane.live import identity
from controlplane.live.connection import Connection, Introduction, Wire
from controlplane.live.hub import get_hub
from controlplane.live.identity import Credentials
from controlplane.live.limits import counts
from controlplane.live.messages import Closed, Code
from controlplane.live.topics import discover

PATH = "/ws/live"
FIRST_MESSAGE_SECONDS = 5.0

logger = logging.getLogger(__name__)


async def serve_sockets(scope: Scope, receive: Receive, send: Send) -> None:
    """Each socket is accepted: only then a client learns the code with which it is closed."""
    await receive()
    await send({"type": "websocket.accept"})
    headers = {name.decode("latin1"): value.decode("latin1") for name, value in scope["headers"]}
    try:
        _check_address(path_within(scope), headers)
        with counts.unknown():
            wire = Wire(receive, send)
            client = await _introduce(wire, identity.session_key_of(headers))
        with counts.of(client.identity.person):
            await Connection(wire, client, get_hub()).serve()
    except Closed as closed:
        logger.debug("Socket closed: code=%d reason=%s", closed.code, closed.reason)
        await send({"type": "websocket.close", "code": closed.code, "reason": closed.reason})


def _check_address(path: str, headers: Mapping[str, str]) -> None:
    if path.removesuffix("/") != PATH:
        raise Closed(Code.NOT_FOUND, f"There is no socket here; {PATH} is one.")
    if not identity.is_known_host(headers):
        raise Closed(Code.FORBIDDEN, "This host name is not served.")
    if not identity.is_own_origin(headers):
        raise Closed(Code.FORBIDDEN, "Pages of this origin may not connect.")


async def _introduce(wire: Wire, session_key: str) -> Introduction:
    """Who the client is, by its first message. Raises Closed."""
    await asyncio.to_thread(discover)
    try:
        async with asyncio.timeout(FIRST_MESSAGE_SECONDS):
            request = await wire.next_request()
    except TimeoutError:
        raise Closed(
            Code.NO_IDENTITY, f"The first message has to come within {FIRST_MESSAGE_SECONDS:g} s."
        ) from None
    if request is None:
        raise Closed(Code.NO_IDENTITY, "The client has left.")
    workspace = request.workspace or ""
    if request.authorization is None:
        credentials = Credentials(session_key=session_key, workspace=workspace)
    else:
        key = identity.read_authorization(request.authorization)
        credentials = Credentials(api_key=key, workspace=workspace)
    return Introduction(credentials, await identity.check(credentials), request)
