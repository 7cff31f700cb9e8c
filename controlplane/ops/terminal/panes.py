"""The three panes: queues, worker nodes, and groups of failures."""

from datetime import datetime
from typing import Any

from controlplane.core.clock import now
from controlplane.core.console.cells import spark
from controlplane.core.formatting import (
    EMPTY,
    format_compact,
    format_duration,
    format_rate,
    format_size,
    format_state,
    format_whole,
)
from controlplane.core.schema import represent_value
from controlplane.core.visibletext import visible_name
from controlplane.ops.terminal.snapshot import GroupLine, NodeLine, QueueLine
from controlplane.ops.terminal.table import Column, Kind
from dlq.queries.replays import percent_replayed
from dlq.states import GroupState

_HOUR = 3_600
_LINE = 30
_BARS = 20
_UNITS = ((86_400, "d"), (_HOUR, "h"), (60, "min"))
_SLOTS = 16  # that are drawn one by one
BAD, LATE, PAUSED, GOOD, QUIET = "✖", "▲", "‖", "●", "○"


# ---- queues ----


def queue_state(line: QueueLine) -> str:
    """In one word."""
    if line.is_paused:
        return "paused"
    if line.is_late:
        return "late"
    counts = line.view.counts
    return "works" if counts.running else "waits" if counts.pending else "idle"


def _mark_queue(line: QueueLine) -> tuple[str, str]:
    state = queue_state(line)
    if state == "late":
        return LATE, "bad"
    if state == "paused":
        return PAUSED, "late"
    return (GOOD, "good") if state == "works" else (QUIET, "quiet")


def _queue_style(line: QueueLine) -> str:
    return {"late": "bad", "paused": "late", "idle": "quiet"}.get(queue_state(line), "")


def write_limits(line: QueueLine) -> str:
    """`5 at once, 2/s`."""
    queue = line.view.queue
    parts = [f"{queue.max_running:,} at once" if queue.max_running else ""]
    parts.append(f"{queue.rate_per_second:g}/s" if queue.rate_per_second else "")
    return ", ".join(filter(None, parts))


def write_pause(line: QueueLine) -> str:
    """Who paused it, and why."""
    queue = line.view.queue
    if queue.paused_at is None:
        return ""
    reason = f": {queue.pause_reason}" if queue.pause_reason else ""
    return f"by {queue.paused_by or 'somebody'}{reason}"


def _later(line: QueueLine) -> int:
    counts = line.view.counts
    return counts.scheduled + counts.retrying


def _zero(number: int) -> str:
    return format_compact(number) if number else EMPTY


QUEUES = Kind(
    title="Queues",
    noun="queue",
    mark=_mark_queue,
    text=lambda line: f"{line.name} {queue_state(line)}",
    empty="There are no queues yet: the first task of a queue creates it.",
    columns=[
        Column("queue", 0, lambda line: visible_name(line.name), is_right=False, least=14,
               sort=lambda line: line.name.casefold(), is_falling=False),
        Column("state", 6, queue_state, _queue_style, is_right=False),
        Column("oldest", 12, lambda line: format_duration(line.oldest_seconds),
               lambda line: "bad" if line.is_late else "", sort=lambda line: line.oldest_seconds),
        Column("waiting", 8, lambda line: _zero(line.view.counts.pending),
               sort=lambda line: line.view.counts.pending),
        Column("running", 7, lambda line: _zero(line.view.counts.running),
               sort=lambda line: line.view.counts.running),
        Column("later", 7, lambda line: _zero(_later(line)), rank=2, sort=_later),
        Column("blocked", 7, lambda line: _zero(line.view.counts.blocked), rank=3),
        Column("rate", 9, lambda line: format_rate(line.done / _HOUR) if line.done else EMPTY,
               sort=lambda line: line.done),
        Column("failed", 7, lambda line: _zero(line.failed),
               lambda line: "bad" if line.failed else "", sort=lambda line: line.failed),
        Column("limits", 18, write_limits, is_right=False, rank=3),
        Column("waiting, 1 h", _LINE, lambda line: spark(line.waits, _LINE),
               lambda line: "bad" if line.is_late else "accent", is_right=False, rank=1),
        Column("paused", 0, write_pause, lambda _line: "quiet", is_right=False, rank=4, least=16),
    ],
)  # fmt: skip


# ---- nodes ----


def node_state(line: NodeLine) -> str:
    """In one word."""
    return format_state(line.node.state)


def _mark_node(line: NodeLine) -> tuple[str, str]:
    if line.is_lost:
        return BAD, "bad"
    if line.is_draining:
        return PAUSED, "late"
    return (GOOD, "good") if line.node.state == "ACTIVE" else (QUIET, "quiet")


def _node_style(line: NodeLine) -> str:
    return "bad" if line.is_lost else "late" if line.is_draining else ""


def _slots(line: NodeLine) -> str:
    node = line.node
    if line.is_lost or node.concurrency > _SLOTS:
        return ""
    busy = min(node.running, node.concurrency)
    return "■" * busy + "□" * (node.concurrency - busy)


def age(moment: datetime | None) -> str:
    """How long ago, in one unit."""
    if moment is None:
        return EMPTY
    seconds = max(0, int((now() - moment).total_seconds()))
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size:,} {unit}"
    return f"{seconds} s"


NODES = Kind(
    title="Nodes",
    noun="node",
    mark=_mark_node,
    text=lambda line: f"{line.node.name} {line.node.host} {node_state(line)} {line.node.version}",
    empty="There are no nodes: start one with `manage.py worker`.",
    columns=[
        Column("node", 0, lambda line: visible_name(line.node.name), is_right=False, least=14,
               sort=lambda line: line.node.name.casefold(), is_falling=False),
        Column("state", 8, node_state, _node_style, is_right=False),
        Column("running", 9, lambda line: EMPTY if line.is_lost
               else f"{line.node.running} of {line.node.concurrency}",
               sort=lambda line: line.node.running),
        Column("slots", _SLOTS, _slots, lambda _line: "accent", is_right=False, rank=2),
        Column("CPU", 6, lambda line: EMPTY if line.is_lost or line.node.cpu_percent is None
               else f"{format_whole(line.node.cpu_percent)} %",
               sort=lambda line: line.node.cpu_percent),
        Column("memory", 8, lambda line: format_size(line.node.memory_bytes),
               sort=lambda line: line.node.memory_bytes),
        Column("ended", 9, lambda line: _zero(line.node.processed),
               sort=lambda line: line.node.processed),
        Column("failed", 7, lambda line: _zero(line.node.failed),
               lambda line: "bad" if line.node.failed else "", sort=lambda line: line.node.failed),
        Column("seen", 10, lambda line: f"{age(line.node.heartbeat_at)} ago", rank=3),
        Column("up", 6, lambda line: EMPTY if line.is_lost else age(line.node.started_at), rank=3),
        Column("version", 9, lambda line: line.node.version, is_right=False, rank=3),
        Column("host", 18, lambda line: line.node.host, is_right=False, rank=4),
        Column("queues", 0, lambda line: ", ".join(line.node.queues), lambda _line: "quiet",
               is_right=False, rank=4, least=10),
    ],
)  # fmt: skip


# ---- failures ----


def error_text(line: GroupLine) -> str:
    """The class and the message of the newest letter."""
    shown: Any = represent_value("error", line.view.error, None) or {}
    name = line.view.error_class or format_state(line.view.group.category)
    message = str(shown.get("message") or "")
    return f"{name}: {message}" if message else name


def group_state(line: GroupLine) -> str:
    """Its state, or how far its replay is."""
    if line.replay is not None:
        return f"replay {int(percent_replayed(line.replay))} %"
    return format_state(line.view.group.state)


def _mark_group(line: GroupLine) -> tuple[str, str]:
    if line.replay is not None:
        return GOOD, "accent"
    state = line.view.group.state
    if state == GroupState.REGRESSED:
        return LATE, "bad"
    if state == GroupState.OPEN:
        return BAD, "bad"
    return (PAUSED, "late") if state == GroupState.MUTED else (QUIET, "quiet")


def _group_style(line: GroupLine) -> str:
    if line.replay is not None:
        return "accent"
    is_open = line.view.group.state in (GroupState.OPEN, GroupState.REGRESSED)
    return "bad" if is_open else "quiet"


def owner_of(line: GroupLine) -> str:
    """The user name of its owner."""
    owner = line.view.group.owner
    return EMPTY if owner is None else str(owner.get_username())


def _version_of(line: GroupLine) -> str:
    """What it died on last: the release of the user's code, otherwise the version of Taskplane."""
    group = line.view.group
    return group.last_release or group.last_version or EMPTY


FAILURES = Kind(
    title="Failures",
    noun="group",
    mark=_mark_group,
    text=lambda line: f"{line.view.group.type} {error_text(line)} {group_state(line)}"
    f" {line.view.group.fingerprint}",
    empty="No failure is open.",
    columns=[
        Column("error", 0, error_text, is_right=False, least=20,
               sort=lambda line: error_text(line).casefold(), is_falling=False),
        Column("type", 14, lambda line: line.view.group.type, is_right=False,
               sort=lambda line: line.view.group.type.casefold(), is_falling=False),
        Column("open", 6, lambda line: format_compact(line.view.count),
               sort=lambda line: line.view.count),
        Column("state", 12, group_state, _group_style, is_right=False),
        Column("last", 6, lambda line: age(line.view.last_seen),
               sort=lambda line: line.view.last_seen),
        Column("deaths, 1 h", _BARS, lambda line: spark(line.bars, _BARS), _group_style,
               is_right=False, rank=1),
        Column("owner", 12, owner_of, is_right=False, rank=2),
        Column("since", 6, lambda line: age(line.view.group.first_seen), rank=2,
               sort=lambda line: line.view.group.first_seen),
        Column("version", 9, _version_of, is_right=False, rank=3),
        Column("fingerprint", 16, lambda line: line.view.group.fingerprint, lambda _line: "quiet",
               is_right=False, rank=3),
    ],
)  # fmt: skip

KINDS = (QUEUES, NODES, FAILURES)
