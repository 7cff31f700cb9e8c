"""An embedded Postgres and Valkey that are there to be killed."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from controlplane.embedded import home, postgres, processes, valkey
from tests.engine import suppress_gone, wait_until


@dataclass
class PrivateValkey:
    """A Valkey in `state`; it keeps its port over restarts."""

    state: Path
    port: int | None = None

    def start(self) -> None:
        """Start it; again on the port of its first start, which its clients know: while that is
        still held by what was killed, an embedded server would take another."""
        for _ in range(50):
            _, port = valkey.start(self.state)
            if self.port in (None, port):
                self.port = port
                return
            valkey.stop(self.state)
            home.write_json(self.state / "valkey.json", {"port": self.port})
            time.sleep(0.1)
        raise AssertionError(f"Port {self.port} does not become free again")

    def env(self) -> dict[str, str]:
        host, port = self._address()
        return {"REDIS_HOST": host, "REDIS_PORT": str(port), "REDIS_PASSWORD": ""}

    def client(self) -> redis.Redis:
        host, port = self._address()
        return redis.Redis(host=host, port=port, socket_timeout=2)

    def kill(self) -> None:
        """kill -9; nothing of it is on disk, so it comes back empty."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        self._process().suspend()

    def thaw(self) -> None:
        with suppress_gone():
            self._process().resume()

    def _end(self, number: int) -> None:
        process = self._process()
        process.send_signal(number)
        wait_until(lambda: processes.is_over(process), "the end of Valkey", 10)

    def _process(self) -> psutil.Process:
        pid = valkey.pid(self.state)
        assert pid is not None
        return psutil.Process(pid)

    def _address(self) -> tuple[str, int]:
        address = valkey.address(self.state)
        assert address is not None
        return address


@dataclass
class PrivatePostgres:
    """A Postgres in `state`; it keeps its address over restarts."""

    state: Path
    url: str

    def stop_at_once(self) -> None:
        """As `pg_ctl -m immediate`: no checkpoint, no good-bye."""
        pid = postgres.pid(self.state)
        assert pid is not None
        process = psutil.Process(pid)
        os.kill(pid, signal.SIGQUIT)
        wait_until(lambda: processes.is_over(process), "the end of Postgres", 10)

    def start(self) -> None:
        assert postgres.start(self.state) == self.url

    def be_away(self, seconds: float) -> None:
        """An outage."""
        self.stop_at_once()
        time.sleep(seconds)
        self.start()
