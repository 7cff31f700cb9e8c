"""Many sockets on one process of the app: memory, CPU, and how late what they get is.

`scripts/measure-live` starts a Postgres, a Valkey, an app and a writer of its own.
"""

import argparse
import asyncio
import base64
import json
import os
import secrets
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import servers
from benchmarks.processes import run_job, running
from controlplane.embedded import processes

TOPICS = ("tasks", "queues", "workers", "scaling", "dlq", "cron")
MAX_DELAY_MS = 2_000
MAX_GROWTH = 0.10
_START_SECONDS = 60.0
_KEYS = 32  # a person may have 32 sockets


@dataclass
class Figures:
    """What all sockets together got."""

    messages: int = 0
    received_bytes: int = 0
    delays: list[float] = field(default_factory=list)  # ms from the read to the client

    def take(self, text: bytes) -> None:
        self.messages += 1
        self.received_bytes += len(text)
        message = json.loads(text)
        if message["kind"] in ("snapshot", "change"):
            read_at = datetime.fromisoformat(message["at"]).timestamp()
            self.delays.append((time.time() - read_at) * 1_000)


class Socket:
    """A client of the protocol with no more than it needs."""

    def __init__(self, url: str, key: str, figures: Figures) -> None:
        self._address = urlsplit(url)
        self._key, self._figures = key, figures

    async def open(self, topics: Sequence[str]) -> None:
        """Connect and subscribe. Raises OSError, EOFError."""
        host, port = self._address.hostname or "", self._address.port
        self._reader, self._writer = await asyncio.open_connection(host, port)
        nonce = base64.b64encode(secrets.token_bytes(16)).decode()
        head = (
            f"GET /ws/live HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {nonce}\r\n\r\n"
        )
        self._writer.write(head.encode())
        await self._reader.readuntil(b"\r\n\r\n")
        first = {"authorization": f"Bearer {self._key}", "subscribe": list(topics)}
        self._write(1, json.dumps(first).encode())
        if json.loads(await self._next()).get("kind") != "hello":
            raise EOFError("the first message is no hello")

    async def follow(self) -> None:
        """Read until the connection ends."""
        try:
            while True:
                self._figures.take(await self._next())
        except (EOFError, OSError):
            return

    def leave(self) -> None:
        """As a client that is gone: without a word."""
        self._writer.transport.abort()

    async def _next(self) -> bytes:
        """The next text; answers pings. Raises EOFError at the end."""
        while True:
            kind, length = await self._reader.readexactly(2)
            if length == 126:
                (length,) = struct.unpack("!H", await self._reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
            content = await self._reader.readexactly(length)
            if kind & 15 == 1:
                return content
            if kind & 15 == 8:
                raise EOFError(f"closed: {content!r}")
            if kind & 15 == 9:
                self._write(10, content)

    def _write(self, kind: int, content: bytes) -> None:
        """A frame with a mask of zeros."""
        size = len(content)
        length = bytes([128 | size]) if size < 126 else struct.pack("!BH", 254, size)
        self._writer.write(bytes([128 | kind]) + length + bytes(4) + content)


@dataclass(frozen=True)
class Measured:
    """The figures of many open sockets."""

    sockets: int
    seconds: float
    cpu: float  # of one core, in percent
    memory_mb: float
    memory_of_socket_kb: float
    messages: int
    megabytes: float
    p50_ms: float
    p99_ms: float


async def measure_open(
    url: str, keys: Sequence[str], app: psutil.Process, *, sockets: int, seconds: float
) -> Measured:
    """Open the sockets, and follow them for a while."""
    figures, empty = Figures(), app.memory_full_info().pss
    opened = [Socket(url, keys[number % len(keys)], figures) for number in range(sockets)]
    for some in range(0, sockets, 25):
        await asyncio.gather(*(each.open(TOPICS) for each in opened[some : some + 25]))
    following = [asyncio.ensure_future(each.follow()) for each in opened]
    await asyncio.sleep(5)
    figures.messages = figures.received_bytes = 0
    figures.delays.clear()
    cpu_before, began = _cpu_seconds(app), time.monotonic()
    await asyncio.sleep(seconds)
    cpu, took = _cpu_seconds(app) - cpu_before, time.monotonic() - began
    memory = app.memory_full_info().pss
    lost = sum(each.done() for each in following)
    for each in opened:
        each.leave()
    await asyncio.gather(*following)
    if lost:
        raise SystemExit(f"{lost} of {sockets} sockets were closed by the server.")
    delays = sorted(figures.delays)
    return Measured(
        sockets=sockets,
        seconds=took,
        cpu=100 * cpu / took,
        memory_mb=memory / 2**20,
        memory_of_socket_kb=(memory - empty) / 2**10 / sockets,
        messages=figures.messages,
        megabytes=figures.received_bytes / 2**20,
        p50_ms=delays[len(delays) // 2],
        p99_ms=delays[int(len(delays) * 0.99)],
    )


async def measure_churn(
    url: str, keys: Sequence[str], app: psutil.Process, *, connects: int
) -> list[float]:
    """Connect and leave again and again; the memory in MiB after each tenth."""
    figures, found = Figures(), []
    tenth = max(1, connects // 10)
    for number in range(connects):
        socket = Socket(url, keys[number % len(keys)], figures)
        await socket.open(TOPICS[:2])
        socket.leave()
        if (number + 1) % tenth == 0:
            await asyncio.sleep(4)  # ended sockets are cleaned up each second
            found.append(app.memory_full_info().pss / 2**20)
    return found


def _cpu_seconds(app: psutil.Process) -> float:
    times = app.cpu_times()
    return float(times.user + times.system)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/measure-live",
        description="Measures live updates: many open sockets on one process of the app, then "
        "many that connect and leave, while tasks are written.",
        epilog="Exit codes: 0 within the limits, 1 not. The limits: 99 of 100 messages are no "
        "older than 2 s, and connects and disconnects leave the memory within 10 %.",
    )
    parser.add_argument("--sockets", type=int, default=500, help="open sockets (default 500)")
    parser.add_argument("--seconds", type=float, default=30, help="how long (default 30)")
    parser.add_argument(
        "--connects", type=int, default=10_000, help="connects and disconnects (default 10,000)"
    )
    parser.add_argument(
        "--rate", type=int, default=100, help="tasks written a second (default 100)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    with ExitStack() as stack:
        started = stack.enter_context(servers.running())
        found, memory = _measure(started, stack, options)
    growth = max(memory) / memory[0] - 1 if memory else 0.0
    if options.json:
        print(json.dumps({**vars(found), "churn_mb": memory, "growth": growth}))
    else:
        _show(found, memory, growth)
    is_good = found.p99_ms < MAX_DELAY_MS and growth < MAX_GROWTH
    return 0 if is_good else 1


def _measure(
    started: servers.Servers, stack: ExitStack, options: argparse.Namespace
) -> tuple[Measured, list[float]]:
    started.make_database("live")
    port = processes.free_port()
    env = started.env(
        DATABASE_URL=started.database_url("live"),
        REDIS_HOST=started.valkey[0],
        REDIS_PORT=str(started.valkey[1]),
        TASKPLANE_DOTENV=os.devnull,
    )
    keys = run_job(["-m", "benchmarks.live_writer", "prepare", str(_KEYS)], env)
    app = stack.enter_context(
        running(["manage.py", "serve", "--port", str(port)], env, started.state / "live-app.log")
    )
    writer = ["-m", "benchmarks.live_writer", "write", str(options.rate)]
    stack.enter_context(running(writer, env, started.state / "live-writer.log"))
    url = f"http://127.0.0.1:{port}"
    asyncio.run(_wait_for(url, keys[0]))
    found = asyncio.run(
        measure_open(url, keys, app.tree, sockets=options.sockets, seconds=options.seconds)
    )
    memory: list[float] = []
    if options.connects:
        memory = asyncio.run(measure_churn(url, keys, app.tree, connects=options.connects))
    app.require_alive()
    return found, memory


async def _wait_for(url: str, key: str) -> None:
    """Until a socket can be opened; the first one also loads what sockets need."""
    give_up = time.monotonic() + _START_SECONDS
    while True:
        socket = Socket(url, key, Figures())
        try:
            await socket.open(TOPICS)
        except (OSError, EOFError):
            if time.monotonic() > give_up:
                raise
            await asyncio.sleep(0.2)
        else:
            await asyncio.sleep(3)
            socket.leave()
            return


def _show(found: Measured, memory: Sequence[float], growth: float) -> None:
    table = Table(title=f"{found.sockets} sockets with {len(TOPICS)} topics each")
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in (
        ("seconds", f"{found.seconds:.0f}"),
        ("messages a second", f"{found.messages / found.seconds:,.0f}"),
        ("MiB a second", f"{found.megabytes / found.seconds:.2f}"),
        ("CPU of the app, percent of a core", f"{found.cpu:.0f}"),
        ("memory of the app, MiB", f"{found.memory_mb:.0f}"),
        ("memory of a socket, KiB", f"{found.memory_of_socket_kb:.0f}"),
        ("age of the data at the client, p50 ms", f"{found.p50_ms:.0f}"),
        ("p99 ms", f"{found.p99_ms:.0f}"),
    ):
        table.add_row(name, value)
    if memory:
        table.add_row("memory after each tenth of the connects, MiB", _row(memory))
        table.add_row("growth", f"{growth:.1%}")
    Console().print(table)


def _row(values: Sequence[float]) -> str:
    return " ".join(f"{value:.0f}" for value in values)


if __name__ == "__main__":
    sys.exit(main())
