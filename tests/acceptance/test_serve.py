"""The app's process: how it starts and how it ends."""

import signal
import time

import httpx
import pytest

from tests.clients import key_client
from tests.engine import Engine, wait_until
from tests.rawhttp import RawClient

BODY = b'{"type": "noop", "payload": {}}'


@pytest.fixture
def key(transactional_db: None) -> str:
    return f"Authorization: {key_client('operator').defaults['HTTP_AUTHORIZATION']}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_that_has_begun_is_answered_before_the_app_ends(
    engine: Engine, key: str, number: signal.Signals
) -> None:
    url = engine.app()
    app = engine.apps[0]
    with RawClient(url) as client, RawClient(url) as idle:
        headers = ("Content-Type: application/json", f"Content-Length: {len(BODY)}", key)
        client.send("POST /tasks", *headers, body=BODY[:5])
        # The app reads the two connections, and the request, before it gets the signal.
        wait_until(lambda: len(app.tree.net_connections()) >= 3, "the connections")
        time.sleep(0.2)
        app.tree.send_signal(number)
        assert idle.read_to_end() == (b"", False)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/health/live")
        client.socket.sendall(BODY[5:])
        answer, was_reset = client.read_to_end()
    assert (answer.startswith(b"HTTP/1.1 201 "), was_reset) == (True, False)
    assert app.process.wait(5) == 0
    assert "Traceback" not in app.output()


def test_a_request_that_never_ends_does_not_keep_the_app(engine: Engine, key: str) -> None:
    url = engine.app()
    with RawClient(url) as client:
        client.send("POST /tasks", "Content-Length: 30", key, body=b"{")
        time.sleep(0.2)
        began = time.monotonic()
        assert engine.apps[0].stop(8) == 0
        assert time.monotonic() - began < 6


def test_an_address_in_use_is_an_error(engine: Engine) -> None:
    url = engine.app()
    port = url.rpartition(":")[2]
    second = engine._start(["serve", "--port", port], {})
    assert second.process.wait(30) != 0
    assert "address already in use" in second.output()
    assert "Traceback" not in second.output()
