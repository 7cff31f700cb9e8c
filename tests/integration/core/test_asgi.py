"""The gate before Django, with Django behind it."""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as settings_module

from controlplane.core.http import bodies
from controlplane.core.http.asgi import get_http_application
from controlplane.core.http.gate import RequestGate
from controlplane.core.http.messages import Message, Reply, offered_exchange
from tests.integration.core import urls

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integration.core.urls"),
]


def send(
    headers: dict[str, str], chunks: list[bytes], *, path: str = "/api/x", method: str = "POST"
) -> tuple[int, dict[str, Any]]:
    async def talk() -> tuple[int, dict[str, Any]]:
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [
                (b"host", b"testserver"),
                *((k.lower().encode(), v.encode("latin1")) for k, v in headers.items()),
            ],
        }
        peer = ApplicationCommunicator(get_http_application(), scope)
        for number, chunk in enumerate(chunks, start=1):
            more = number < len(chunks)
            await peer.send_input({"type": "http.request", "body": chunk, "more_body": more})
        start = await peer.receive_output(timeout=5)
        body, more = b"", True
        while more:
            piece = await peer.receive_output(timeout=5)
            body, more = body + piece["body"], piece.get("more_body", False)
        await peer.wait()
        return start["status"], json.loads(body)

    return async_to_sync(talk)()


JSON = {"Content-Type": "application/json"}


def test_a_body_passes_whole_or_in_chunks() -> None:
    whole = {**JSON, "Content-Length": "8"}
    assert send(whole, [b'{"a": 1}']) == (200, {"got": {"a": 1}})
    chunked = {**JSON, "Transfer-Encoding": "chunked"}
    assert send(chunked, [b'{"a"', b": ", b"1}"]) == (200, {"got": {"a": 1}})


def test_a_body_that_says_it_is_too_large_is_not_read(settings: Any) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "BODY_MAX_BYTES": 1_000}
    status, body = send({**JSON, "Content-Length": "1001"}, [])
    assert status == 413
    assert body["detail"] == "The body has more than 1000 bytes, which is the limit."


def test_a_body_that_turns_out_too_large_is_read_to_the_limit(settings: Any) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "BODY_MAX_BYTES": 1_000}
    chunked = {**JSON, "Transfer-Encoding": "chunked"}
    status, body = send(chunked, [b"[" + b"1," * 300] * 10)
    assert status == 413
    assert "1000 bytes" in body["detail"]
    status, _ = send(chunked, [b'"' + b"x" * 998 + b'"'])
    assert status == 200


def use_credentials(monkeypatch: pytest.MonkeyPatch, settings: Any, *valid: str) -> list[str]:
    """Only these values of Authorization are known. Returns those that were asked for."""
    asked: list[str] = []

    def check(authorization: str, cookie: str) -> bool:
        asked.append(authorization)
        return authorization in valid

    monkeypatch.setattr(f"{__name__}.check", check, raising=False)
    settings.CREDENTIAL_CHECK = f"{__name__}.check"
    return asked


def test_a_large_body_of_a_stranger_is_not_read(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    use_credentials(monkeypatch, settings)
    status, body = send({**JSON, "Content-Length": "65537", "Authorization": "Bearer x"}, [])
    assert (status, "65536 bytes" in body["detail"]) == (401, True)


def test_a_body_of_a_stranger_is_read_until_it_is_large(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    asked = use_credentials(monkeypatch, settings)
    chunked = {**JSON, "Transfer-Encoding": "chunked"}
    assert send(chunked, [b'"' + b"x" * 65_534 + b'"'])[0] == 200
    assert asked == []
    assert send(chunked, [b'"' + b"x" * 65_535, b'"' + b" " * 10])[0] == 401
    assert asked == [""]


def test_a_large_body_of_a_known_client_is_read_after_one_check(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    asked = use_credentials(monkeypatch, settings, "Bearer good")
    pieces = [b'"' + b"x" * 70_000, b"x" * 70_000, b'"']
    for framing in ({"Transfer-Encoding": "chunked"}, {"Content-Length": "140002"}):
        status, _ = send({**JSON, "Authorization": "Bearer good", **framing}, pieces)
        assert status == 200
    assert asked == ["Bearer good"] * 2


def test_a_body_that_comes_too_slowly_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "UNVERIFIED_SECONDS", 0.05)
    status, body = send({**JSON, "Content-Length": "8"}, [])
    assert (status, body["detail"]) == (408, "The request has not arrived within 0.05 seconds.")


def test_a_transfer_coding_that_hides_the_body_is_501() -> None:
    status, body = send({**JSON, "Transfer-Encoding": "gzip, chunked"}, [b"{}"])
    assert (status, "Transfer-Encoding" in body["detail"]) == (501, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "nonsense"},
        {"Content-Length": "-5"},
        {"Content-Length": ""},
        {"Content-Length": "9" * 5_000},
        {"Content-Type": "application/json; charset*=nonsense''%ff"},
        {"Content-Type": "application/json;" + "a=b;" * 3_000},
    ],
    ids=lambda headers: str(headers)[:40],
)
def test_impossible_headers_are_400(headers: dict[str, str]) -> None:
    status, body = send({**JSON, **headers}, [b"{}"])
    assert status == 400
    assert next(iter(headers)) in body["detail"]
    assert body["type"] == "urn:taskplane:problem:bad-request"


def test_the_whole_chain_runs_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    class Witness:
        """A middleware that was written for threads."""

        def __init__(self, get_response: Any) -> None:
            self.get_response = get_response

        def __call__(self, request: Any) -> Any:
            threads.append(threading.get_ident())
            response = self.get_response(request)
            threads.append(threading.get_ident())
            return response

    def way() -> None:
        threads.append(threading.get_ident())

    monkeypatch.setattr(settings_module, "MIDDLEWARE", [*settings_module.MIDDLEWARE])
    monkeypatch.setattr(f"{__name__}.Witness", Witness, raising=False)
    settings_module.MIDDLEWARE.append(f"{__name__}.Witness")
    monkeypatch.setitem(urls.WAYS, "thread", way)
    assert send(JSON, [b""], path="/api/thread", method="GET") == (200, {"way": "thread"})
    assert len(threads) == 3
    assert len(set(threads)) == 1
    assert threading.get_ident() not in threads


def test_a_websocket_passes_the_gate_untouched() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async_to_sync(RequestGate(app))({"type": "websocket"}, None, None)  # type: ignore[arg-type] # not used
    assert seen == ["websocket"]


@dataclass
class ArrivedBody:
    """A body that has arrived with its head, as an exchange describes it."""

    body_size: int | None

    async def send(self, reply: Reply) -> None:
        raise AssertionError("The gate sends nothing.")


@pytest.mark.parametrize(
    ("size", "is_limited"),
    [(0, False), (65_536, False), (65_537, True), (None, True)],
)
def test_only_a_small_body_that_has_arrived_is_read_without_limits(
    size: int | None, is_limited: bool
) -> None:
    async def receive() -> Message:
        return {"type": "http.request"}

    async def send_nothing(message: Message) -> None:
        """The application does not answer."""

    def pass_gate() -> bool:
        given: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            given.append(receive)

        scope = {"type": "http", "headers": []}
        with offered_exchange(scope, ArrivedBody(size)):
            async_to_sync(RequestGate(app))(scope, receive, send_nothing)
        return given[0] is not receive

    assert bodies.UNVERIFIED_MAX_BYTES == 65_536
    assert pass_gate() is is_limited


def test_a_server_can_import_it_before_anything_else() -> None:
    code = (
        "from controlplane.core.http.asgi import get_http_application as get; "
        "print(type(get()).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "RequestGate", done.stderr
