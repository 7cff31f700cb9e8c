"""A node's figures for Prometheus. What is not known yet is left out."""

import time
from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from workers.counters import WorkerStatus
from workers.naming import name_node
from workers.node_state import SharedNodeState

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_PREFIX = "taskplane_node"


def expose(
    node_state: SharedNodeState, status: WorkerStatus, *, name: str, concurrency: int
) -> bytes:
    """The figures as text, format 0.0.4."""
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
        yield self._gauge("draining", "1 while the node takes nothing new.", state.is_draining)
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
