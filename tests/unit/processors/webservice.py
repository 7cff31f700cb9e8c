"""A real HTTP server on loopback that remembers what it was asked."""

import asyncio
import gzip
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pytest_django import Settings

from tasks_app.processors import registry
from tests.unit.processors.recording import RecordingContext


@dataclass
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: threading.Event | None = None  # answered when it is set


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Webservice:
    """Answers by path, 404 otherwise."""

    def __init__(self, port: int, scheme: str) -> None:
        self.port = port
        self.scheme = scheme
        self.answers: dict[str, Answer] = {}
        self.asked: list[Asked] = []

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def allowed(self) -> str:
        """The allow-list entry that opens this server and no other."""
        return f"127.0.0.1:{self.port}"


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Webservice]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            service.asked.append(Asked(self.command, self.path, headers, body))
            answer = service.answers.get(self.path.partition("?")[0], Answer(404))
            if answer.delay is not None:
                answer.delay.wait(10)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            """Nothing: the tests look at `asked`."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Nothing: clients of these tests hang up early on purpose."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    service = Webservice(server.server_address[1], "https" if tls else "http")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def zipped(size: int) -> bytes:
    """A few bytes that unpack to `size` of them."""
    return gzip.compress(b"a" * size)


def allow(settings: Settings, *entries: str, private: bool = False) -> None:
    settings.TASKPLANE = {
        **settings.TASKPLANE,
        "HTTP_REQUEST_ALLOW": list(entries),
        "HTTP_REQUEST_ALLOW_PRIVATE": private,
    }


def call(context: RecordingContext | None = None, **payload: Any) -> dict[str, Any]:
    found = registry.get("http-request")
    result: dict[str, Any] = asyncio.run(
        found.func(context or RecordingContext(), found.validate(payload))
    )
    json.dumps(result, allow_nan=False)  # what is not JSON could not be recorded
    return result
