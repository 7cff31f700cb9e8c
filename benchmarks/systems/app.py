"""A running HTTP service that takes tasks."""

from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from benchmarks import marks
from benchmarks.processes import ChildError, Component, run_job
from controlplane.embedded import processes as embedded

_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class App:
    """A running app service: where it is, and the process that serves it."""

    component: Component
    port: int
    api_key: str
    database_pid: int | None = None  # of a Postgres whose CPU time is of interest
    host: str = embedded.LOOPBACK

    def await_ready(self) -> None:
        """Wait until it answers. Raises ChildError, TimeoutError."""

        def answers() -> bool:
            self.component.require_alive()
            return self._status("/health/live") == 200

        marks.wait_until(answers, "the app", seconds=_START_SECONDS)

    def load(self, request: str, *, count: int, connections: int, warm_up: int) -> dict[str, Any]:
        """Send the same request again and again: what `benchmarks.http_client` prints.

        `request` is a method and a path. Raises ChildError unless every answer is a success.
        """
        arguments = ["-m", "benchmarks.http_client", "--host", self.host, "--port", str(self.port)]
        arguments += ["--key", self.api_key, "--connections", str(connections)]
        arguments += ["--count", str(count), "--warm-up", str(warm_up)]
        arguments += ["--pid", str(self.component.tree.pid)]
        if self.database_pid:
            arguments += ["--database-pid", str(self.database_pid)]
        measured: dict[str, Any] = run_job([*arguments, *request.split()], self.component.env)
        if set(measured["statuses"]) - {"200", "201"}:
            raise ChildError(f"{request} answered {measured['statuses']}.")
        return measured

    def _status(self, path: str) -> int:
        connection = HTTPConnection(self.host, self.port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()
