"""Requests that this server does not serve: WebSockets, other hosts, impossible forms."""

import pytest

from tests.engine import wait_until
from tests.rawhttp import RawClient
from tests.standing import App

UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
WEBSOCKET_KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
EMPTY_MESSAGE = bytes([0x81, 0x82]) + bytes(4) + b"{}"  # with a mask of zeros


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/ws/live", (*UPGRADE, WEBSOCKET_KEY), 4401),
        ("/nowhere", (*UPGRADE, WEBSOCKET_KEY), 4404),
        ("/ws/live", (*UPGRADE, WEBSOCKET_KEY, "Authorization: Bearer nonsense"), 4401),
        ("/ws/live", (*UPGRADE, WEBSOCKET_KEY, "Cookie: sessionid=nonsense"), 4401),
        ("/ws/live", (*UPGRADE, WEBSOCKET_KEY, "Origin: http://elsewhere.example"), 4403),
        ("/ws/live", (*UPGRADE, WEBSOCKET_KEY, "X-Name: \xe4\xff"), 4401),
        ("/ws/live", (*UPGRADE, WEBSOCKET_KEY, "Sec-WebSocket-Protocol: \xe4"), None),
        ("/ws/live", UPGRADE, None),
        ("/ws/live", ("Upgrade: websocket",), None),
    ],
)
def test_a_websocket_is_refused_without_a_traceback(
    app: App, path: str, headers: tuple[str, ...], code: int | None
) -> None:
    """With a code where there is a handshake; else with a status of HTTP."""
    with RawClient(app.url) as client:
        client.send(f"GET {path}", *headers)
        status, _ = client.read_head()
        if code is None:
            assert 400 <= status < 500
        else:
            assert status == 101
            client.socket.sendall(EMPTY_MESSAGE)
            opcode, _length, first, second = client.read(4)[:4]
            assert (opcode & 15, first << 8 | second) == (8, code)
    # The server reaps ended connections each second.
    with RawClient(app.url) as client:
        client.send("GET /health/live")
        assert client.read_head()[0] == 200
    assert "Traceback" not in app.component.output()
    assert "ERROR" not in app.component.output()


def refused_hosts(app: App) -> list[str]:
    return [line for line in app.component.output().splitlines() if "unknown host" in line]


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
@pytest.mark.parametrize("host", ["evil.example", "a b", "1.2.3.4:x", "\xe4"])
def test_a_foreign_host_is_one_line_and_one_problem(app: App, host: str, accept: str) -> None:
    with RawClient(app.url) as client:
        client.send("GET /tasks", f"Host: {host}", f"Accept: {accept}", "Connection: close")
        answer, _ = client.read_to_end()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer
    assert b"ALLOWED_HOSTS" not in answer
    lines = wait_until(lambda: refused_hosts(app), "the line")
    assert len(lines) == 1
    assert "Traceback" not in app.component.output()
    assert "ALLOWED_HOSTS" not in app.component.output()


def test_a_form_with_too_many_fields_is_one_line(app: App) -> None:
    form = "&".join(f"f{number}=1" for number in range(2_000)).encode()
    with RawClient(app.url) as client:
        client.send(
            "POST /admin/login/",
            "Content-Type: application/x-www-form-urlencoded",
            f"Cookie: csrftoken={'x' * 32}",
            f"Content-Length: {len(form)}",
            "Connection: close",
            body=form,
        )
        answer, _ = client.read_to_end()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert "Traceback" not in app.component.output()
