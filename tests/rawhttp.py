"""HTTP clients that misbehave: they send half a request, read slowly, or leave."""

import json
import socket
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 30.0


class RawClient:
    """One connection to a server, byte by byte."""

    def __init__(self, url: str, *, receive_buffer: int | None = None) -> None:
        address = urlsplit(url)
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT_SECONDS)
        self.socket.connect((address.hostname, address.port))

    def send(self, line: str, *headers: str, body: bytes = b"") -> None:
        """A request line, its headers, and the beginning of a body. `Host` is added."""
        lines = [f"{line} HTTP/1.1", *headers]
        if not any(header.startswith("Host:") for header in headers):
            lines.append("Host: localhost")
        self.socket.sendall("\r\n".join(lines).encode("latin1") + b"\r\n\r\n" + body)

    def read(self, size: int) -> bytes:
        """At least this much of what comes, unless the connection ends before."""
        data = bytearray()
        while len(data) < size and (piece := self.socket.recv(65_536)):
            data += piece
        return bytes(data)

    def read_head(self) -> tuple[int, str]:
        """Status and headers."""
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            piece = self.socket.recv(1)
            if not piece:
                raise AssertionError(f"The connection ended after {data!r}")
            data += piece
        return int(data.split()[1]), data.decode("latin1")

    def read_problem(self) -> tuple[int, dict[str, Any]]:
        """Status and JSON body of a refusal, whose end is the end of the connection."""
        status, _ = self.read_head()
        return status, json.loads(self.read(1_000_000))

    def read_to_end(self) -> tuple[bytes, bool]:
        """What comes, and whether the connection was reset."""
        # What waits in the kernel comes through a small window at a few kilobytes a second.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        data = bytearray()
        try:
            while piece := self.socket.recv(65_536):
                data += piece
        except ConnectionResetError:
            return bytes(data), True
        return bytes(data), False

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def chunk(data: bytes) -> bytes:
    """A piece of a body with Transfer-Encoding: chunked."""
    return b"%x\r\n%b\r\n" % (len(data), data)
