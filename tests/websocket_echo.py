"""An application with WebSockets under the app's server: `python -m tests.websocket_echo 3002`.

Over HTTP it answers with the number of open WebSockets.
"""

import os
import sys

from controlplane.core.http.gate import Receive, Scope, Send
from controlplane.core.http.server import uvicorn

open_sockets = 0


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await echo(scope, receive, send)
        return
    body = str(open_sockets).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    global open_sockets
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.close"})
        return
    open_sockets += 1
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": f"{scope['path']} {message['text']}"})
    open_sockets -= 1


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    uvicorn.run(application, uvicorn.listen("127.0.0.1", int(sys.argv[1])))
