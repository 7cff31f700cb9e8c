"""What an open page of a task asks for when its task has changed: the parts that can change, as
JSON values that need no further thought in the browser."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from controlplane.core.admin.shapes import name_shape, state_word
from controlplane.core.clock import now, utc_z
from controlplane.core.formatting import (
    EMPTY,
    format_count,
    format_number,
    format_relative,
    format_time,
)
from tasks_app.admin.attempts import AttemptLine
from tasks_app.admin.facts import Fact
from tasks_app.admin.tasklogs import to_json
from tasks_app.admin.taskpage import describe_task
from tasks_app.admin.timeline import Timeline
from tasks_app.labels import label_type
from tasks_app.models import Task
from tasks_app.queries.declarations import Catalogue
from tasks_app.states import TaskState
from tasks_app.templatetags.tasks import clock_text


def describe_task_changes(request: HttpRequest, task: Task) -> dict[str, Any]:
    """Raises NotFound."""
    page = describe_task(request, task)
    shown, attempts = page["task"], page["attempts"]
    returned = page["returned"]
    return {
        "status": shown["status"],
        "word": TaskState(shown["status"]).label,
        **name_shape(shown["status"]),
        "sentence": {half: _parts(parts) for half, parts in page["sentence"].items()},
        "asOf": _moment(page["explained_at"]),
        "actions": [
            {
                "key": each.key,
                "title": each.title,
                "icon": f"i-{each.icon}",
                "url": each.url,
                "isPrimary": each.is_primary,
                "isHarmful": each.key == "cancel",
                "dialog": each.dialog_id if each.question else "",
            }
            for each in page["actions"]
        ],
        "attempts": [_attempt(line) for line in attempts.lines],
        "summary": attempts.summary,
        "timeline": _timeline(attempts.timeline),
        "logs": to_json(page["log_lines"]),
        "olderLinesUrl": page["older_lines_url"],
        "logsTotal": format_number(shown["logsTotal"]),
        "facts": [_fact(fact) for fact in page["facts"]],
        "links": [
            {
                "title": link.title,
                "note": link.note,
                "icon": f"i-{link.icon}",
                "url": link.url,
            }
            for link in page["links"]
        ],
        "families": [
            {
                "side": family.side,
                "total": family.total,
                "words": format_count(family.total, "task"),
                "rows": [_neighbour(row, page["catalogue"]) for row in family.rows],
            }
            for family in page["families"]
        ],
        "result": returned.text if returned is not None else None,
        "resultWords": page["result_words"],
    }


def _neighbour(row: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "type": asdict(label_type(catalogue.get(row["type"]))),
        "url": row["url"],
        **name_shape(row["status"]),
        "word": state_word(row["status"]),
        "finishedAt": _moment(row["finished_at"]),
        "wait": row["wait"],
    }


def _parts(parts: Iterable[tuple[str, datetime | None]]) -> list[dict[str, Any]]:
    return [{"text": text} if at is None else _moment(at) for text, at in parts]


def _moment(at: datetime | None) -> dict[str, str]:
    if at is None:
        return {"text": EMPTY}
    return {
        "text": clock_text(at),
        "at": utc_z(at),
        "title": format_time(at),
        "relative": format_relative(at, now()),
    }


def _attempt(line: AttemptLine) -> dict[str, Any]:
    return {
        "number": line.number,
        **name_shape(line.outcome),
        "title": line.title,
        "message": line.message,
        "note": line.note,
        "node": line.node,
        "nodeUrl": line.node_url,
        "startedAt": _moment(line.started_at),
        "finishedAt": _moment(line.finished_at) if line.finished_at else None,
        "waited": line.waited,
        "traceback": "\n".join(part.text for part in line.frames),
    }


def _timeline(timeline: Timeline | None) -> dict[str, Any] | None:
    if timeline is None:
        return None
    return {
        "label": timeline.label,
        "segments": [
            {
                "kind": each.kind,
                "x": each.x,
                "width": each.width,
                "middle": each.middle,
                "label": each.label,
                "tone": name_shape(each.outcome)["tone"] if each.outcome else "",
            }
            for each in timeline.segments
        ],
        "ticks": [
            {"x": each.x, "anchor": each.anchor, "text": f"{each.clock} {each.word}".strip()}
            for each in timeline.ticks
        ],
    }


def _fact(fact: Fact) -> dict[str, Any]:
    tags: Sequence[tuple[str, str]] = fact.tags
    return {
        "name": fact.name,
        "text": fact.text,
        "url": fact.url,
        "at": _moment(fact.at) if fact.at else None,
        "note": fact.note,
        "tags": [{"text": text, "url": url} for text, url in tags],
        "isCode": fact.is_code,
    }
