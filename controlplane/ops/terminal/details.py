"""Everything about one row, as labels and texts. Some of it is read when a person asks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.core.formatting import (
    EMPTY,
    format_count,
    format_duration,
    format_number,
    format_size,
    format_time,
)
from controlplane.core.schema import represent_value
from controlplane.ops.terminal.panes import (
    age,
    error_text,
    node_state,
    owner_of,
    queue_state,
    write_limits,
    write_pause,
)
from controlplane.ops.terminal.snapshot import GroupLine, NodeLine, QueueLine
from dlq.groupdetail import describe_group
from dlq.queries.groups import get_group
from tasks_app.descriptors import Descriptor
from tasks_app.labels import label_type
from tasks_app.queries import in_bounded_time, view_node
from tasks_app.queries.declarations import read_catalogue
from tasks_app.queries.fillers import find_fillers
from tasks_app.queries.queue_descriptors import describe_queue as describe_queue_name

Detail = list[tuple[str, str]]
_SHOWN = 10


def _list_description(descriptor: Descriptor, prefix: str = "") -> Detail:
    """What people say about a name, without empty fields."""
    fields = descriptor.to_json().items()
    return [(f"{prefix}{field}", text) for field, text in fields if text]


def describe_queue(_workspace_id: UUID, line: QueueLine) -> Detail:
    """A queue, with who fills it."""
    counts = line.view.counts
    with in_bounded_time():
        fillers = find_fillers(line.view.queue, None)
    found = [
        ("queue", line.name),
        *_list_description(describe_queue_name(line.view.queue)),
        ("state", f"{queue_state(line)} {write_pause(line)}".rstrip()),
        ("paused since", format_time(line.view.queue.paused_at) if line.is_paused else ""),
        ("limits", write_limits(line)),
        ("oldest wait", format_duration(line.oldest_seconds)),
        ("waiting", format_number(counts.pending)),
        ("running", format_number(counts.running)),
        ("scheduled", format_number(counts.scheduled)),
        ("retrying", format_number(counts.retrying)),
        ("blocked", format_number(counts.blocked)),
        ("in one hour", _describe_hour(line)),
    ]
    found += [
        ("filled by" if not number else "", f"{each.name}: {format_count(each.tasks, 'task')}")
        for number, each in enumerate(fillers.types[:_SHOWN])
    ]
    return found


def _describe_hour(line: QueueLine) -> str:
    text = f"{format_count(line.done, 'attempt')} completed, "
    return f"{text}{format_count(line.failed, 'task')} failed"


def describe_node(workspace_id: UUID, line: NodeLine) -> Detail:
    """A node, with what runs in its slots."""
    view: Any = view_node(workspace_id, line.node.id)
    node = view
    found = [
        ("node", node.name),
        ("state", f"{node_state(line)}. {node.end_reason}".rstrip(". ")),
        ("host", f"{node.host}, process {node.pid}"),
        ("version", node.version),
        ("queues", ", ".join(node.queues)),
        ("started", f"{format_time(node.started_at)}, {age(node.started_at)} ago"),
        ("last seen", f"{format_time(node.heartbeat_at)}, {age(node.heartbeat_at)} ago"),
        ("ended", f"{format_count(node.processed, 'task')}, {node.failed:,} failed"),
        ("CPU", EMPTY if node.cpu_percent is None else f"{node.cpu_percent:.0f} %"),
        ("memory", format_size(node.memory_bytes)),
    ]
    if line.is_lost:
        return [*found, ("lost", format_time(node.stopped_at))]
    slots = [("running", f"{node.running} of {format_count(node.concurrency, 'slot')}")]
    for slot in view.slot_views:
        if slot.running:
            name = slot.type or "a task of another workspace"
            task = f"{name} {slot.task_id or ''}".rstrip()
            slots.append((f"slot {slot.slot}", f"{task}, for {age(slot.started_at)}"))
    return [*found, *slots]


def describe_failures(workspace_id: UUID, line: GroupLine) -> Detail:
    """A group, with its newest letters and what changed before it began."""
    with in_bounded_time():
        detail = describe_group(get_group(workspace_id, line.view.group.id), None)
        kind = read_catalogue().get(detail.group.type)
    group = detail.group
    found = [
        ("error", error_text(line)),
        ("type", group.type),
        *_list_description(kind.descriptor, "type's "),
        *[("declared", sentence) for sentence in [label_type(kind).sentence] if sentence],
        ("open letters", f"{format_number(detail.count)}, {format_number(detail.deaths)} deaths"),
        ("state", f"{group.get_state_display()} {group.state_by and f'by {group.state_by}'}"),
        ("owner", owner_of(line)),
        ("ticket", group.ticket),
        ("first seen", _seen(group.first_seen, group.first_code)),
        ("last seen", _seen(detail.last_seen, group.last_code)),
        ("fingerprint", group.fingerprint),
        *[("changed before", f"{format_time(cause.at)}: {cause.subject} {cause.change}")
          for cause in detail.causes],
        *[("differs", f"{each.path}: {format_count(each.distinct, 'value')}")
          for each in detail.differences.differing[:_SHOWN]],
        *[("note", f"{note.author}: {note.text}") for note in detail.notes[:_SHOWN]],
        *[("letter", f"{letter.id} {letter.name}") for letter in detail.members[:_SHOWN]],
    ]  # fmt: skip
    shown: Any = represent_value("error", detail.view.error, None) or {}
    trace = str(shown.get("traceback") or "").splitlines()
    return [*found, *(("traceback" if not n else "", text) for n, text in enumerate(trace))]


def _seen(at: datetime | None, code: str) -> str:
    return f"{format_time(at)}, on {code}" if code else format_time(at)


DESCRIBE = (describe_queue, describe_node, describe_failures)
