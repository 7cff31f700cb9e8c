"""A node's own view over HTTP, served by its agent: /health, /health/detailed, /metrics."""

import errno
import json
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.conf import settings
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from workers.counters import WorkerStatus
from workers.naming import name_node
from workers.node_state import SharedNodeState

_TRIES = 50  # ports tried after the configured one, for workers that share a host
_CANARY_STALE_SECONDS = 45.0

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_PREFIX = "taskplane_node"


def expose(
    node_state: SharedNodeState, status: WorkerStatus, *, name: str, concurrency: int
) -> bytes:
    """The figures in text format 0.0.4."""
    return generate_latest(_NodeCollector(node_state, status, name, concurrency))


class _NodeCollector(Collector):
    def __init__(
        self, node_state: SharedNodeState, status: WorkerStatus, name: str, concurrency: int
    ) -> None:
        self._node_state = node_state
        self._status = status
        self._concurrency = concurrency
        self._labels = (name_node(name, node_state.node_id), str(node_state.node_id))

    def collect(self) -> Iterator[Metric]:
        state, counters, usage = self._node_state, self._status.counters, self._status.usage
        is_up = state.is_ready and not state.stopping_since
        yield self._gauge("up", "1 while the worker consumes wake-ups and is not stopping.", is_up)
        yield self._gauge("draining", "1 while the node claims no new tasks.", state.is_draining)
        yield self._gauge("slots", "Pool children when all are alive.", self._concurrency)
        yield self._gauge("slots_busy", "Pool children in which a handler runs.", counters.busy)
        yield self._gauge("tasks_running", "Handlers that run now.", counters.running)
        yield self._counter("tasks_ended", "Tasks that ended on this worker.", counters.processed)
        yield self._counter(
            "tasks_failed", "Tasks that failed for good on this worker.", counters.failed
        )
        yield self._counter("stale_writes", "Outcomes refused without a lease.", counters.stale)
        if state.canary_received_at:
            age = time.monotonic() - state.canary_received_at
            yield self._gauge("canary_age_seconds", "Since the worker's last canary returned.", age)
        if usage:
            yield self._gauge(
                "cpu_percent", "CPU of all its processes; 100 is one core.", usage.cpu_percent
            )
            yield self._gauge(
                "memory_bytes", "Memory of all its processes (PSS).", usage.memory_bytes
            )
            yield self._gauge("processes", "Processes of the worker.", usage.processes)

    def _gauge(self, name: str, text: str, value: float) -> Metric:
        family = GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=("node", "id"))
        family.add_metric(self._labels, float(value))
        return family

    def _counter(self, name: str, text: str, value: float) -> Metric:
        family = CounterMetricFamily(f"{_PREFIX}_{name}", text, labels=("node", "id"))
        family.add_metric(self._labels, value)
        return family


logger = logging.getLogger(__name__)


class HealthServer:
    """The server, on WORKER_SERVICE_PORT or the next free port."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self.port: int = server.server_address[1]

    @classmethod
    def start(
        cls, node_state: SharedNodeState, *, name: str, concurrency: int, status: WorkerStatus
    ) -> "HealthServer":
        """Listen and serve in a thread. Raises OSError when no port is free."""
        host: str = settings.TASKPLANE["WORKER_SERVICE_HOST"]
        first: int = settings.TASKPLANE["WORKER_SERVICE_PORT"]
        view = {
            "node_state": node_state,
            "node_name": name,
            "concurrency": concurrency,
            "status": status,
        }
        handler = type("Handler", (_Handler,), view)
        for port in range(first, min(first + _TRIES, 65535)):
            try:
                server = ThreadingHTTPServer((host, port), handler)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
            return cls(server)
        raise OSError(errno.EADDRINUSE, f"no free port from {first} to {first + _TRIES}")

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    node_state: SharedNodeState
    node_name: str
    concurrency: int
    status: WorkerStatus

    def do_GET(self) -> None:
        path = self.path.split("?")[0].rstrip("/")
        if path == "/metrics":
            text = expose(
                self.node_state, self.status, name=self.node_name, concurrency=self.concurrency
            )
            self._send(200, CONTENT_TYPE, text)
            return
        if path not in ("/health", "/health/live", "/health/ready", "/health/detailed"):
            self._answer(404, {"status": "not found"})
            return
        view = self._view()
        if path != "/health/detailed":
            view = {"status": view["status"]}
        self._answer(200 if view["status"] != "down" else 503, view)

    def _view(self) -> dict[str, Any]:
        node_state = self.node_state
        age = (
            time.monotonic() - node_state.canary_received_at
            if node_state.canary_received_at
            else None
        )
        if node_state.stopping_since:
            status = "stopping"
        elif not node_state.is_ready:
            status = "down"
        elif age is not None and age > _CANARY_STALE_SECONDS:
            status = "degraded"
        else:
            status = "ok"
        counters, usage = self.status.counters, self.status.usage
        return {
            "status": status,
            "node": name_node(self.node_name, node_state.node_id),
            "nodeId": node_state.node_id,
            "draining": node_state.is_draining,
            "lastOwnBellSeconds": None if age is None else round(age, 1),
            "concurrency": self.concurrency,
            "running": counters.running,
            "processed": counters.processed,
            "failed": counters.failed,
            "staleWrites": counters.stale,
            "cpuPercent": usage.cpu_percent if usage else None,
            "memoryBytes": usage.memory_bytes if usage else None,
        }

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: int, content_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        logger.debug(format, *args)
