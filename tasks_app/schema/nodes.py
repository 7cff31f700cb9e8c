"""Nodes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from controlplane.core.schema import Resource, shown
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import Choices, Moment, Search
from workers.states import NodeState


class Node(Resource):
    """One run of one worker. A worker that starts again, or comes back after it was declared lost,
    is another node. Figures are those of the newest heartbeat; `cpu` and `memory` those of the
    newest sample, null before the first."""

    id: int
    name: str = shown("`worker#id`, as in `workerNode` of a task and in scaling events. Unique.")
    incarnation: UUID
    replaces: int | None = shown("The earlier node, which was declared lost.")
    host: str
    version: str = shown("That of Taskplane.")
    release: str | None = shown(
        "The release of your code (TASKPLANE_RELEASE) when it began; null if it was not set.",
        compute=lambda node: node.release or None,
    )
    status: NodeState = shown(
        "STOPPED: ended normally. LOST: killed, crashed, or without a heartbeat.", source="state"
    )
    end_reason: str | None = shown(
        "Why it ended; null while it is alive.", compute=lambda node: node.end_reason or None
    )
    queues: list[str] = shown("`*`: all.")
    concurrency: int = shown("Slots, each a process.")
    running: int = shown("Handlers that run.")
    processed: int = shown("Tasks that ended on it.")
    failed: int = shown("The part of them that failed for good.")
    stale_writes: int = shown("Outcomes that were refused without a lease.")
    cpu: float | None = shown(
        "Percent of one core, over all processes of the worker.", source="cpu_percent"
    )
    memory: int | None = shown(
        "Bytes, over all processes of the worker; shared pages count once.", source="memory_bytes"
    )
    health_port: int | None
    heartbeat_at: datetime
    started_at: datetime
    stopped_at: datetime | None
    drain_requested_at: datetime | None


class Slot(Resource):
    """A pool child and the task that has run in it longest."""

    slot: int = shown("Its process id on the host.")
    running: int = shown("Async handlers share a slot by hundreds.")
    task_id: UUID | None = shown(
        "Null if nothing runs, or if the task belongs to another workspace."
    )
    type: str | None
    started_at: datetime | None


class NodeSample(Resource):
    """The work, CPU and memory of a node at one moment."""

    at: datetime
    cpu: float = shown(source="cpu_percent")
    memory: int = shown(source="memory_bytes")
    running: int
    processed: int = shown("Since the node began.")
    failed: int = shown("Since the node began.")
    grain_seconds: int = shown(
        "Seconds that the sample represents: 0 when taken, 600 after a day, 3600 after 30 days."
    )


class NodeDetail(Node):
    """A node with its slots, and its newest samples, newest first."""

    slots: list[Slot] = shown(source="slot_views")
    samples: list[NodeSample] = shown(source="newest_samples")


@dataclass(frozen=True, slots=True)
class NodeFilter:
    """Filters of nodes."""

    statuses: tuple[str, ...] = condition(
        "status",
        Choices(choices=tuple(NodeState.values)),
        "Comma-separated. Without it: nodes that live or ended within the last hour.",
    )
    name: str = condition(
        "name",
        Search(limit=120),
        "Exact name of one node, living or ended: `vm#12`, in a URL `vm%2312`.",
    )


@dataclass(frozen=True, slots=True)
class SampleFilter:
    """Filters of samples."""

    since: datetime | None = condition("since", Moment())
