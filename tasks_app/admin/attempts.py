"""The attempts of a task as its page shows them: newest first, each in words, and on a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.core.clock import now
from controlplane.core.formatting import format_count, format_duration
from controlplane.core.tracebacks import Part, split_traceback
from controlplane.core.visibletext import visible_text
from tasks_app.admin.listrows import find_node_url
from tasks_app.admin.timeline import Span, Timeline, draw_timeline
from tasks_app.states import AttemptOutcome, TaskState

_VERBS = {
    AttemptOutcome.SUCCEEDED: "completed",
    AttemptOutcome.FAILED: "failed",
    AttemptOutcome.TIMED_OUT: "timed out",
    AttemptOutcome.CANCELLED: "cancelled",
    AttemptOutcome.SNOOZED: "snoozed itself",
    AttemptOutcome.INTERRUPTED: "interrupted by a shutdown",
    AttemptOutcome.LOST: "lost with its worker",
}
_GIVEN_BACK = {AttemptOutcome.SNOOZED, AttemptOutcome.INTERRUPTED, AttemptOutcome.LOST}
_BACKED_OFF = {AttemptOutcome.FAILED, AttemptOutcome.TIMED_OUT}
_RUNNING = "RUNNING"


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """One attempt in words. `frames` are the parts of its traceback."""

    number: int
    outcome: str
    title: str
    message: str
    note: str
    node: str
    node_url: str
    started_at: datetime
    finished_at: datetime | None
    waited: str
    frames: Sequence[Part]

    @property
    def frame_count(self) -> int:
        return sum(part.is_frame for part in self.frames)

    @property
    def has_own_frames(self) -> bool:
        return any(part.is_frame and not part.is_foreign for part in self.frames)


@dataclass(frozen=True, slots=True)
class Attempts:
    lines: Sequence[AttemptLine]
    total: int
    summary: str
    timeline: Timeline | None
    traceback_of: AttemptLine | None


def describe_attempts(task: Mapping[str, Any], run_at: datetime | None, allowed: int) -> Attempts:
    """`task` is a represented TaskDetail; `allowed` are the attempts of a round."""
    ended: Sequence[Mapping[str, Any]] = task["attempts"]
    lines = [_describe(task, index) for index in range(len(ended))]
    spans = [_span(each) for each in ended]
    if task["status"] == TaskState.RUNNING and task["startedAt"]:
        started = _time(task["startedAt"])
        waited = timedelta(milliseconds=task["waitMs"] or 0)
        spans.append(Span(task["attempt"], started, now(), waited, _RUNNING, is_open=True))
        lines.append(_describe_running(task, started))
    lines.reverse()
    failed = next((line for line in lines if line.frames), None)
    return Attempts(
        lines=lines,
        total=task["attemptsTotal"] + (task["status"] == TaskState.RUNNING),
        summary=_summarize(task, ended, allowed),
        timeline=draw_timeline(_time(task["createdAt"]), spans, *_end(task, run_at), seen_at=now()),
        traceback_of=failed,
    )


def _end(task: Mapping[str, Any], run_at: datetime | None) -> tuple[datetime, str]:
    if task["finishedAt"]:
        return _time(task["finishedAt"]), str(task["status"]).lower()
    if task["status"] == TaskState.RETRYING and run_at is not None and run_at > now():
        return run_at, "next attempt"
    return now(), "now"


def _span(attempt: Mapping[str, Any]) -> Span:
    return Span(
        number=attempt["attempt"],
        started_at=_time(attempt["startedAt"]),
        finished_at=_time(attempt["finishedAt"]),
        waited=timedelta(milliseconds=attempt["waitMs"]),
        outcome=attempt["outcome"],
    )


def _describe(task: Mapping[str, Any], index: int) -> AttemptLine:
    attempt = task["attempts"][index]
    outcome = AttemptOutcome(attempt["outcome"])
    started, finished = _time(attempt["startedAt"]), _time(attempt["finishedAt"])
    took = format_duration((finished - started).total_seconds())
    details = attempt["error"] or {}
    return AttemptLine(
        number=attempt["attempt"],
        outcome=outcome.value,
        title=f"Attempt {attempt['attempt']}: {_VERBS[outcome]} after {took}",
        message=describe_failure(details),
        note=_describe_next(task, index, outcome),
        node=attempt["workerNode"] or "",
        node_url=find_node_url(attempt["workerNode"]),
        started_at=started,
        finished_at=finished,
        waited=format_duration(attempt["waitMs"] / 1_000),
        frames=_frames(details),
    )


def _describe_running(task: Mapping[str, Any], started: datetime) -> AttemptLine:
    done = f"{task['progress']:g}% done." if task["progress"] else ""
    return AttemptLine(
        number=task["attempt"],
        outcome=_RUNNING,
        title=f"Attempt {task['attempt']}: running",
        message="",
        note="It was asked to stop." if task["cancelRequested"] else done,
        node=task["workerNode"] or "",
        node_url=find_node_url(task["workerNode"]),
        started_at=started,
        finished_at=None,
        waited=format_duration((task["waitMs"] or 0) / 1_000),
        frames=(),
    )


def _describe_next(task: Mapping[str, Any], index: int, outcome: AttemptOutcome) -> str:
    """What followed from the attempt."""
    attempts = task["attempts"]
    if outcome in _GIVEN_BACK:
        return "Not counted against the attempts allowed."
    if outcome not in _BACKED_OFF:
        return ""
    if index + 1 < len(attempts):
        following = attempts[index + 1]
        ready = _time(following["startedAt"]) - timedelta(milliseconds=following["waitMs"])
        held = (ready - _time(attempts[index]["finishedAt"])).total_seconds()
        return f"The next one was ready {format_duration(held)} later." if held > 0 else ""
    return "No attempts are left." if task["status"] == TaskState.FAILED else ""


def describe_failure(details: Mapping[str, Any]) -> str:
    """`Class: message`, safe to be shown on a line."""
    parts = [str(details.get(name) or "") for name in ("class", "message")]
    return visible_text(": ".join(part for part in parts if part), keep_lines=True)


def _frames(details: Mapping[str, Any]) -> Sequence[Part]:
    text = details.get("traceback")
    if not isinstance(text, str) or not text:
        return ()
    return split_traceback(visible_text(text, keep_lines=True))


def _summarize(task: Mapping[str, Any], ended: Sequence[Mapping[str, Any]], allowed: int) -> str:
    """`3 failed, 1 lost; 3 allowed`."""
    counts: dict[str, int] = {}
    words = {
        AttemptOutcome.LOST: "lost",
        AttemptOutcome.INTERRUPTED: "interrupted",
        AttemptOutcome.SNOOZED: "snoozed",
    }
    for each in ended:
        outcome = AttemptOutcome(each["outcome"])
        word = words.get(outcome, _VERBS[outcome])
        counts[word] = counts.get(word, 0) + 1
    listed = ", ".join(f"{number} {word}" for word, number in counts.items())
    if task["attemptsTotal"] > len(ended):
        listed = f"the newest {len(ended)} of {format_count(task['attemptsTotal'], 'attempt')}"
    return "; ".join(part for part in (listed, f"{allowed} allowed") if part)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
