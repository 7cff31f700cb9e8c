"""A node's figures in the text format of Prometheus, version 0.0.4."""

import time
from collections.abc import Iterator

from workers.naming import name_node
from workers.nodepage import NodePage
from workers.vitals import Vitals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "taskplane_node"

Metric = tuple[str, str, str, float]  # name, kind, help, value


def expose(page: NodePage, vitals: Vitals, *, name: str, concurrency: int) -> str:
    """The figures; what is not known yet is left out."""
    labels = f'{{node="{_escaped(name_node(name, page.node_id))}",id="{page.node_id}"}}'
    lines = []
    for metric, kind, text, value in _metrics(page, vitals, concurrency):
        full = f"{_PREFIX}_{metric}"
        lines += [
            f"# HELP {full} {text}",
            f"# TYPE {full} {kind}",
            f"{full}{labels} {value:.15g}",
        ]
    return "\n".join(lines) + "\n"


def _metrics(page: NodePage, vitals: Vitals, concurrency: int) -> Iterator[Metric]:
    tally, usage = vitals.tally, vitals.usage
    is_up = page.is_ready and not page.stopping_since
    yield "up", "gauge", "1 while the worker consumes bells and was not told to stop.", is_up
    yield "draining", "gauge", "1 while the node takes nothing new.", page.is_draining
    yield "slots", "gauge", "Pool children that the worker has when all live.", concurrency
    yield "slots_busy", "gauge", "Pool children in which a handler runs.", tally.busy
    yield "tasks_running", "gauge", "Handlers that run now.", tally.running
    yield "tasks_ended_total", "counter", "Tasks that ended on this worker.", tally.processed
    yield (
        "tasks_failed_total",
        "counter",
        "Tasks that failed for good on this worker.",
        tally.failed,
    )
    yield "stale_writes_total", "counter", "Outcomes refused without a lease.", tally.stale
    if page.canary_back:
        age = time.monotonic() - page.canary_back
        yield "canary_age_seconds", "gauge", "Since the worker got its own bell back.", age
    if usage:
        yield "cpu_percent", "gauge", "CPU of all its processes; 100 is a core.", usage.cpu_percent
        yield "memory_bytes", "gauge", "Memory of all its processes (PSS).", usage.memory_bytes
        yield "processes", "gauge", "Processes of the worker.", usage.processes


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
