"""A cheap HTTP client: keep-alive connections, each with one open request.

One process with asyncio's protocols and no HTTP library, so that the load takes as little as
possible from the machine that it shares with the server: `python -m benchmarks.http_client`.
"""

import argparse
import asyncio
import json
import time
from typing import Any

from benchmarks.processes import cpu_seconds

_BODY = b'{"type":"noop","payload":{}}'
_LONGEST_SECONDS = 120


class Load:
    """The requests still to send, and the results of those that were sent."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.seconds: list[float] = []
        self.statuses: dict[int, int] = {}
        self.over = asyncio.get_running_loop().create_future()

    def record(self, status: int, seconds: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.seconds.append(seconds)


class Connection(asyncio.Protocol):
    """One connection: sends a request, waits for its answer, sends the next."""

    def __init__(self, load: Load, request: bytes, done: asyncio.Future[None]) -> None:
        self._load = load
        self._request = request
        self._done = done
        self._data = b""
        self._sent = 0.0
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return
        self._data = b""
        self._load.record(int(head[9:12]), time.monotonic() - self._sent)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server closed a connection"))

    def _send(self) -> None:
        if self._load.left <= 0:
            self._done.set_result(None)
            self._transport.close()
            return
        self._load.left -= 1
        self._sent = time.monotonic()
        self._transport.write(self._request)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("an answer without Content-Length")


def make_request(host: str, port: int, key: str, method: str, path: str) -> bytes:
    """A request; that of a POST is a task."""
    body = _BODY if method == "POST" else b""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}:{port}",
        f"Authorization: Bearer {key}",
        "Accept: application/json",
    ]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def run(host: str, port: int, request: bytes, count: int, connections: int) -> Load:
    """Send a request `count` times over these connections. Raises OSError, TimeoutError."""
    loop = asyncio.get_running_loop()
    load = Load(count)
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    async with asyncio.timeout(_LONGEST_SECONDS):
        for end in ends:
            await loop.create_connection(
                lambda end=end: Connection(load, request, end),  # type: ignore[misc] # bound now
                host,
                port,
            )
        await asyncio.gather(*ends)
    return load


def main() -> None:
    """Warm the server up, then measure; prints one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http_client")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True, help="process id of the server")
    parser.add_argument("--database-pid", type=int, help="process id of Postgres")
    parser.add_argument("method")
    parser.add_argument("path")
    options = parser.parse_args()
    request = make_request(options.host, options.port, options.key, options.method, options.path)
    server = (options.host, options.port, request)
    asyncio.run(run(*server, options.warm_up, options.connections))
    pids = {"cpu_seconds": options.pid, "database_cpu_seconds": options.database_pid}
    before = {name: cpu_seconds(pid) for name, pid in pids.items() if pid}
    began = time.monotonic()
    load = asyncio.run(run(*server, options.count, options.connections))
    answer = {
        "seconds": time.monotonic() - began,
        **{name: cpu_seconds(pids[name]) - cpu for name, cpu in before.items()},
        "latencies": load.seconds,
        "statuses": load.statuses,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
