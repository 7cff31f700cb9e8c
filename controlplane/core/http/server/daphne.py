"""What this project adds to the server, Daphne: bounded request bodies, responses that wait for
their clients, and failed responses that are cut off. `install` puts our classes where Daphne looks
for its own."""

import logging

from daphne import http_protocol
from daphne.cli import CommandLineInterface
from daphne.server import Server

from controlplane.core.http.gate import Message
from controlplane.core.http.server.daphne_requests import GuardedRequest, call_later

logger = logging.getLogger(__name__)


class GuardedServer(Server):
    """Daphne, in which `await send(…)` waits for a client that does not read."""

    async def handle_reply(self, protocol: object, message: Message) -> None:
        await super().handle_reply(protocol, message)
        if message.get("more_body") and isinstance(protocol, GuardedRequest):
            await protocol.wait_until_writable()

    def application_checker(self) -> None:
        """Clean up finished requests once a second. An exception must not stop this: otherwise no
        request would be cleaned up and no failed response cut off until the next restart."""
        try:
            super().application_checker()
        except Exception:
            logger.exception("Reaping finished requests failed.")
            call_later(1, self.application_checker)


def install() -> None:
    """Called while Daphne imports the application, before it listens."""
    # Its factory names the class itself; there is no setting for it.
    http_protocol.WebRequest = GuardedRequest
    CommandLineInterface.server_class = GuardedServer
