"""What a test runs on: versions, nodes and slots."""

import platform
from collections.abc import Mapping
from typing import Any

import django
from django.db import connection

from controlplane import __version__
from controlplane.stress.services.submitting import QUEUE
from tasks_app.queues import ALL_QUEUES
from workers.selectors import list_live_nodes, list_nodes
from workers.states import NodeState


def describe_environment() -> dict[str, Any]:
    """As JSON: of the nodes those that take work of the queue of tests now."""
    serving = list_live_nodes().filter(state=NodeState.ACTIVE, queues__overlap=[QUEUE, ALL_QUEUES])
    nodes = [
        {
            "id": node.id,
            "name": node.name,
            "host": node.host,
            "version": node.version,
            "slots": node.concurrency,
            "queues": list(node.queues),
        }
        for node in serving.order_by("id")
    ]
    server = connection.cursor().connection.info.server_version
    return {
        "version": __version__,
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": f"PostgreSQL {server // 10_000}.{server % 10_000}",
        "nodes": nodes,
        "workers": len(nodes),
        "slots": sum(node["slots"] for node in nodes),
        "staleWrites": {str(n.id): n.stale_writes for n in list_live_nodes()},
    }


def count_stale_writes(environment: Mapping[str, Any]) -> int:
    """Outcomes that were refused since the environment was described, of all nodes that live or
    ended within the last hour."""
    before: Mapping[str, int] = environment.get("staleWrites", {})
    return sum(max(0, node.stale_writes - before.get(str(node.id), 0)) for node in list_nodes())
