"""A process that serves requests only, or sockets only, where both are too much for one."""

from controlplane.core.http.messages import App, Receive, Scope, Send
from controlplane.core.http.pathprefix import path_within
from controlplane.core.http.problemdetails import Problem, render

BOTH, REQUESTS, SOCKETS = "both", "requests", "sockets"
_ELSEWHERE = 4404


def only_health(app: App) -> App:
    """The part of the application for HTTP that balancers and supervisors ask."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if path_within(scope).startswith("/health"):
            await app(scope, receive, send)
            return
        headers, body = render(Problem(404, "This process serves WebSockets only."))
        await send({"type": "http.response.start", "status": 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return serve


async def refuse_sockets(scope: Scope, receive: Receive, send: Send) -> None:
    """The application for WebSockets where there are none."""
    await receive()
    await send({"type": "websocket.accept"})
    reason = "This process serves no sockets: the proxy in front has to send them elsewhere."
    await send({"type": "websocket.close", "code": _ELSEWHERE, "reason": reason})
