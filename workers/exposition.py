"""A node's figures in the text format of Prometheus, version 0.0.4."""

import time
from collections.abc import Iterator

from workers.counters import WorkerStatus
from workers.naming import name_node
from workers.node_state import SharedNodeState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "taskplane_node"

Metric = tuple[str, str, str, float]  # name, kind, help, value


def expose(
    node_state: SharedNodeState, status: WorkerStatus, *, name: str, concurrency: int
) -> str:
    """The figures; what is not known yet is left out."""
    labels = f'{{node="{_escaped(name_node(name, node_state.node_id))}",id="{node_state.node_id}"}}'
    lines = []
    for metric, kind, text, value in _metrics(node_state, status, concurrency):
        full = f"{_PREFIX}_{metric}"
        lines += [
            f"# HELP {full} {text}",
            f"# TYPE {full} {kind}",
            f"{full}{labels} {value:.15g}",
        ]
    return "\n".join(lines) + "\n"


def _metrics(
    node_state: SharedNodeState, status: WorkerStatus, concurrency: int
) -> Iterator[Metric]:
    counters, usage = status.counters, status.usage
    is_up = node_state.is_ready and not node_state.stopping_since
    yield "up", "gauge", "1 while the worker consumes bells and was not told to stop.", is_up
    yield "draining", "gauge", "1 while the node takes nothing new.", node_state.is_draining
    yield "slots", "gauge", "Pool children that the worker has when all live.", concurrency
    yield "slots_busy", "gauge", "Pool children in which a handler runs.", counters.busy
    yield "tasks_running", "gauge", "Handlers that run now.", counters.running
    yield "tasks_ended_total", "counter", "Tasks that ended on this worker.", counters.processed
    yield (
        "tasks_failed_total",
        "counter",
        "Tasks that failed for good on this worker.",
        counters.failed,
    )
    yield "stale_writes_total", "counter", "Outcomes refused without a lease.", counters.stale
    if node_state.canary_received_at:
        age = time.monotonic() - node_state.canary_received_at
        yield "canary_age_seconds", "gauge", "Since the worker got its own bell back.", age
    if usage:
        yield "cpu_percent", "gauge", "CPU of all its processes; 100 is a core.", usage.cpu_percent
        yield "memory_bytes", "gauge", "Memory of all its processes (PSS).", usage.memory_bytes
        yield "processes", "gauge", "Processes of the worker.", usage.processes


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
