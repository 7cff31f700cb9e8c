"""Clients of `/ws/live` that send and do not read: the app keeps little of what they send."""

import json
import socket

import pytest
import websocket

from controlplane.live.limits import BURST
from controlplane.live.messages import MAX_MESSAGE_BYTES, MAX_TOPICS
from tests.acceptance.test_live import Socket, new_key
from tests.standing import App

# So little that the errors of a client's first messages do not fit, and the app waits.
RECEIVE_BUFFER = (socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
UNKNOWN = ["x" * 100] * MAX_TOPICS
# A message that the app would take, and whose handling needs no row.
LARGE = json.dumps({"unsubscribe": ["x" * 1_000] * MAX_TOPICS})
ENOUGH_BYTES = 96_000_000


class Flooder(Socket):
    """It has sent all that a client may send at once, and reads none of the errors."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(url, sockopt=[RECEIVE_BUFFER])
        self.send(authorization=key, subscribe=UNKNOWN)
        for _ in range(BURST - 1):
            self.send(subscribe=UNKNOWN)

    def flood(self, limit: int) -> int:
        """How many bytes can be sent until the server cuts the connection off."""
        sent = 0
        try:
            while sent < limit:
                sent += self._socket.send(LARGE)
        except (OSError, websocket.WebSocketException):
            return sent
        return sent


def test_a_client_that_sends_and_does_not_read_learns_the_code(app: App) -> None:
    client = Flooder(app.url, new_key())
    client.flood(8 * MAX_MESSAGE_BYTES)
    assert client.wait_for_close() == 4429
    # The app has not come to the messages beyond the budget: it still waits to send the errors.
    assert len(client.of_kind("error")) < BURST * MAX_TOPICS
    client.close()
    assert "Traceback" not in app.component.output()


@pytest.mark.nightly
@pytest.mark.ci
def test_what_floods_in_is_not_kept(app: App) -> None:
    key = new_key()
    Flooder(app.url, key).flood(ENOUGH_BYTES // 16)  # what a first one needs stays
    memory = app.component.tree.memory_info
    before = most = memory().rss
    sent = 0
    for _ in range(100):
        client = Flooder(app.url, key)
        sent += client.flood(ENOUGH_BYTES - sent)
        most = max(most, memory().rss)
        client.close()
        if sent >= ENOUGH_BYTES:
            break
    assert sent >= ENOUGH_BYTES
    assert most - before < ENOUGH_BYTES // 6
    assert "Traceback" not in app.component.output()
