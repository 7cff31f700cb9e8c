"""The app's process: how it starts and how it ends."""

import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from controlplane.core.http.server.uvicorn import listen
from tests.clients import key_client
from tests.engine import ROOT, Engine, wait_until
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
        assert engine.apps[0].stop(25) == 0
        # Its body may take 30 s.
        assert time.monotonic() - began < 20


def test_an_address_in_use_is_one_sentence(component_env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, str(ROOT / "manage.py"), "serve", "--port", str(port)]
        done = subprocess.run(
            command, env=component_env, capture_output=True, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert f"cannot listen on 127.0.0.1 port {port} (Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_all_addresses_of_ipv6_are_those_of_ipv4_too() -> None:
    with listen("::", 0) as listener:
        for host in ("::1", "127.0.0.1"):
            socket.create_connection((host, listener.getsockname()[1])).close()
