"""What can be done from the list: the question before it, the call of the service, and its undoing.
The services are those of pages, API and other commands; they write the audit log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from controlplane.core.errors import Conflict
from controlplane.core.formatting import format_count, format_percent
from controlplane.core.safetext import terminal_text
from controlplane.core.undo import undo
from controlplane.ops.terminal.panes import error_text
from controlplane.ops.terminal.snapshot import GroupLine, NodeLine, QueueLine
from controlplane.workspaces.console import terminal_actor
from dlq.groupletters import check_letters, letters_of, preview_letters
from dlq.groups import Decision, decide
from dlq.queries.groups import get_group
from dlq.replays import DEFAULT_FAILURE_SHARE, DEFAULT_STAGES, cancel_replay, start_replay
from tasks_app.undo import change_queue
from workers.services import drain_node

if TYPE_CHECKING:
    from dlq.models import LetterGroup

_FINAL = "this cannot be undone"


@dataclass(frozen=True, slots=True)
class Undo:
    """How an action is taken back: what it is called, and the call, which returns a sentence."""

    title: str
    run: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Done:
    """A sentence about what happened, and how to take it back."""

    text: str
    undo: Undo | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """The second look. `run` gets the reason; `reason_needed` says why one must be given, and is
    empty if it may be left out. `names`: the first of what is touched, of `count`."""

    title: str
    consequence: str
    verb: str
    run: Callable[[str], Done]
    reason_needed: str = ""
    names: Sequence[str] = ()
    count: int = 0


def ask_pause(workspace_id: UUID, line: QueueLine) -> Question:
    """Pause a queue, or resume it."""
    counts, name = line.view.counts, line.name
    if line.is_paused:
        title, verb = f"Resume the queue {name}?", "resume"
        waiting = format_count(counts.pending, "waiting task starts", "waiting tasks start")
        consequence = f"{waiting} as soon as slots are free."
    else:
        title, verb = f"Pause the queue {name}?", "pause"
        running = format_count(counts.running, "running task continues", "running tasks continue")
        rest = f"; {running}" if counts.running else ""
        consequence = f"It starts no task until it is resumed{rest}."
    return Question(
        title=title,
        consequence=f"{consequence} This can be undone.",
        verb=verb,
        run=lambda reason: _set_paused(workspace_id, name, not line.is_paused, reason),
        reason_needed="" if line.is_paused else "everybody who looks at the queue reads it",
    )


def _set_paused(workspace_id: UUID, name: str, is_paused: bool, reason: str) -> Done:
    changes = {"paused": is_paused} | ({"reason": reason} if reason else {})
    change = change_queue(workspace_id, name, terminal_actor(), changes)
    if change["before"] == change["after"]:
        raise Conflict(f"The queue {name} was {_word(is_paused)} already.")
    before = change["before"]["paused"]
    title = "restore the reason" if before and is_paused else "pause" if before else "resume"

    def run() -> str:
        undo("queues", {"queues": [change]}, lambda *_: terminal_actor())
        return f"The queue {name} is {_word(before)}."

    return Done(f"The queue {name} is {_word(is_paused)}.", Undo(f"{title} {name}", run))


def _word(is_paused: bool) -> str:
    return "paused" if is_paused else "running again"


def ask_drain(workspace_id: UUID, line: NodeLine) -> Question:
    """Drain a node. Raises Conflict: it takes nothing new already."""
    node = line.node
    if line.is_lost or line.is_draining:
        raise Conflict(f"The node {node.name} {'is lost' if line.is_lost else 'drains already'}.")
    running = f"finishes {format_count(node.running, 'running task')}, " if node.running else ""
    return Question(
        title=f"Drain the node {node.name}?",
        consequence=f"It {running}takes no more tasks, and ends. A drain cannot be undone.",
        verb="drain",
        run=lambda reason: _drain(workspace_id, node.id, reason),
        reason_needed=_FINAL,
    )


def _drain(workspace_id: UUID, node_id: int, reason: str) -> Done:
    node = drain_node(node_id, workspace_id=workspace_id, actor=terminal_actor(), reason=reason)
    return Done(f"The node {node.name} drains; it runs {format_count(node.running, 'task')}.")


def ask_reprocess(workspace_id: UUID, line: GroupLine, *, is_whole: bool = False) -> Question:
    """Reprocess the open letters of a group, as a canary unless `is_whole`; or stop the replay that
    does so. Reads the group. Raises NotFound, Conflict."""
    if line.replay is not None:
        return _ask_stop(workspace_id, line.replay.id, line)
    group = get_group(workspace_id, line.view.group.id)
    shown = preview_letters(group, "reprocess", terminal_actor())
    if not shown.count:
        raise Conflict("No letter of this group is open any more.")
    first, second = DEFAULT_STAGES
    tasks = format_count(shown.count, "task that failed runs again", "tasks that failed run again")
    how = (
        "all at once"
        if is_whole
        else f"first {first}, then {second}, then the rest; it stops when more than "
        f"{format_percent(DEFAULT_FAILURE_SHARE)} fail"
    )
    letters = format_count(shown.count, "letter")
    return Question(
        title=f"Reprocess {letters} of {group.type}: {error_text(line).rstrip('. ')}?",
        consequence=f"{tasks}: {how}. What has started cannot be undone.",
        verb="reprocess",
        run=lambda reason: _reprocess(group, reason, shown.token, is_whole),
        reason_needed=_FINAL,
        names=[terminal_text(name) for name in shown.names],
        count=shown.count,
    )


def _reprocess(group: "LetterGroup", reason: str, token: str, is_whole: bool) -> Done:
    workspace_id, actor = group.workspace_id, terminal_actor()
    with transaction.atomic():
        replay = start_replay(
            workspace_id=workspace_id,
            letter_filter=letters_of(group),
            actor=actor,
            stages=() if is_whole else DEFAULT_STAGES,
            confirm=lambda: check_letters(group, "reprocess", actor, token),
        )
        note = Decision(note=reason)
        decide(workspace_id=workspace_id, group_id=group.id, decision=note, actor=actor)
    letters = format_count(replay.matched, "letter")
    undo = Undo("stop the replay", lambda: _stop(workspace_id, replay.id).text)
    return Done(f"The replay of {letters} has started.", undo)


def _ask_stop(workspace_id: UUID, replay_id: UUID, line: GroupLine) -> Question:
    return Question(
        title=f"Stop the replay of {line.view.group.type}: {error_text(line).rstrip('. ')}?",
        consequence="It submits no more letters; tasks that it has submitted continue.",
        verb="stop",
        run=lambda _reason: _stop(workspace_id, replay_id),
    )


def _stop(workspace_id: UUID, replay_id: UUID) -> Done:
    replay = cancel_replay(workspace_id=workspace_id, replay_id=replay_id, actor=terminal_actor())
    submitted = format_count(replay.submitted, "letter was", "letters were")
    return Done(f"The replay has stopped; {submitted} reprocessed.")
