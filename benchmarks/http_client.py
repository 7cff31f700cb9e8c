"""A cheap HTTP client: keep-alive connections, each with one request under way.

One process with asyncio's protocols and no HTTP library, so that the load takes as little as
possible from the machine that it shares with the server: `python -m benchmarks.http_client`.
"""

import argparse
import asyncio
import json
import time
from typing import Any

_BODY = b'{"type":"noop","payload":{}}'
_LONGEST_SECONDS = 120


class Load:
    """The requests still to send, and what came of those that were sent."""

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


async def run(host: str, port: int, key: str, count: int, connections: int) -> Load:
    """Send `POST /tasks` `count` times over these connections. Raises OSError, TimeoutError."""
    request = (
        b"POST /tasks HTTP/1.1\r\n"
        b"Host: %b:%d\r\n"
        b"Authorization: Bearer %b\r\n"
        b"Content-Type: application/json\r\n"
        b"Accept: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b"
    ) % (host.encode(), port, key.encode(), len(_BODY), _BODY)
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
    options = parser.parse_args()
    target = (options.host, options.port, options.key)
    asyncio.run(run(*target, options.warm_up, options.connections))
    began = time.monotonic()
    load = asyncio.run(run(*target, options.count, options.connections))
    seconds = time.monotonic() - began
    answer = {"seconds": seconds, "latencies": load.seconds, "statuses": load.statuses}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
