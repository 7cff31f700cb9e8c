"""The components that `manage.py up` runs: their commands and readiness checks."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from controlplane.embedded import processes

PROBE_SECONDS = 2


@dataclass(frozen=True)
class Listener:
    """The address of a component, and the variable that changes it."""

    host: str
    port: int
    variable: str

    @property
    def url(self) -> str:
        """The address to use on this machine."""
        everywhere = self.host in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
        return f"http://{processes.LOOPBACK if everywhere else self.host}:{self.port}"


@dataclass(frozen=True)
class Component:
    """One process that is kept running; `stop_seconds` is the time that it may take to end. A late
    one is started when the others are ready, and the start does not wait for it. `inside` is the
    component whose command also runs this one, with the same log."""

    name: str
    command: Sequence[str]
    stop_seconds: float
    note: str
    is_ready: Callable[[], bool]
    listener: Listener | None = None
    is_late: bool = False
    inside: str = ""


def answers_ok(url: str, path: str) -> bool:
    host, _, port = url.removeprefix("http://").rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=PROBE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def port_problem(listener: Listener) -> str | None:
    """An error if another program uses the port; None if it is free."""
    if processes.is_free(listener.port, listener.host):
        return None
    owner = processes.listening_on(listener.port)
    by = f" (by {owner})" if owner else ""
    return (
        f"Port {listener.port} is in use{by}: stop that program, or set {listener.variable} "
        "to another port."
    )


def components(
    *,
    app: Listener,
    worker: Listener,
    slots: int,
    worker_seconds: float,
    autoscaler_seconds: float,
    autoscaler_note: str,
    leads: Callable[[str], bool],
) -> list[Component]:
    """The four components. `leads` returns whether a process holds the lead of that name."""
    manage = [sys.executable, "manage.py"]
    bind = ["--host", app.host, "--port", str(app.port)]
    return [
        Component(
            name="app",
            command=[*manage, "serve", *bind],
            stop_seconds=5,
            note=app.url,
            is_ready=lambda: answers_ok(app.url, "/health/ready"),
            listener=app,
        ),
        Component(
            name="dispatcher",
            command=[],
            stop_seconds=worker_seconds,
            note="promotes, rescues, prunes",
            is_ready=lambda: leads("dispatcher"),
            inside="worker",
        ),
        Component(
            name="worker",
            command=[*manage, "worker", "--dispatch"],
            stop_seconds=worker_seconds,
            note=f"{slots} slots, {worker.url}/health",
            is_ready=lambda: answers_ok(worker.url, "/health"),
            listener=worker,
        ),
        Component(
            name="autoscaler",
            command=[*manage, "autoscale"],
            stop_seconds=autoscaler_seconds,
            note=autoscaler_note,
            is_ready=lambda: leads("autoscaler"),
            # Before the worker is there it would start another in its place.
            is_late=True,
        ),
    ]
