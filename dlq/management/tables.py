"""Dead letters, groups and replays for people at a terminal."""

import json
from collections.abc import Mapping
from typing import Any

from controlplane.core.console.tables import Console, columns_of, list_view, print_record, table_of
from controlplane.core.formatting import shorten

_MAX_MESSAGE = 80
_DIRECTIONS = {"previous": "repeats the work of", "next": "repeated by the task of"}


def show_letter(console: Console, letter: Mapping[str, Any]) -> None:
    """Every field, the attempts with their tracebacks, and the letters of the same work."""
    # The payload as --payload takes it.
    shown = {**letter, "payload": json.dumps(letter["payload"])}
    print_record(console, shown, without=("attempts", "error", "chain"))
    for attempt in letter["attempts"]:
        console.write(
            f"attempt {attempt['attempt']}: {attempt['outcome']} on {attempt['workerNode']} "
            f"at {attempt['finishedAt']}"
        )
        _write_error(console, attempt["error"])
    if not letter["attempts"]:
        _write_error(console, letter["error"])
    for side, words in _DIRECTIONS.items():
        for other in letter["chain"][side]:
            console.write(f"{words} letter {other['id']} ({other['status']}, {other['diedAt']})")


def show_stats(console: Console, stats: Mapping[str, Any]) -> None:
    """The counts."""
    console.write(f"{stats['open']} open of {stats['total']} letters")
    if stats["oldestOpenAt"]:
        console.write(f"the oldest open one died at {stats['oldestOpenAt']}")
    rows = [
        {"by": by.removeprefix("by").lower(), "value": name, "letters": count}
        for by in ("byStatus", "byCategory", "byType", "byDay")
        for name, count in stats[by].items()
        if count
    ]
    console.print(table_of(columns_of("by", "value", "letters"), rows))


def show_group(console: Console, group: Mapping[str, Any]) -> None:
    """Every field, what changed before it began, what differs among its payloads, and notes."""
    console.write(f"{_describe_error(group)} ({group['type']})")
    lists = ("types", "error", "trend", "notes", "changedBefore", "differences")
    print_record(console, group, without=lists)
    for change in group["changedBefore"]:
        by = f" by {change['by']}" if change["by"] else ""
        console.write(f"before: {change['at']} {change['subject']}: {change['change']}{by}")
    for field in group["differences"]:
        values = ", ".join(f"{value} ({count})" for value, count in field["values"])
        console.write(f"differs: {field['path']}, {field['distinct']} values: {values}")
    for note in group["notes"]:
        console.write(f"note: {note['createdAt']} {note['author']}: {note['text']}")


def show_decision(console: Console, group: Mapping[str, Any]) -> None:
    """What is now."""
    owner = f", owner {group['owner']}" if group["owner"] else ""
    ticket = f", ticket {group['ticket']}" if group["ticket"] else ""
    state = f"{group['state']}{owner}{ticket}"
    console.write(f"{group['fingerprint']} {group['type']}: {state}, {group['count']} open")


def show_replay(console: Console, replay: Mapping[str, Any]) -> None:
    """Its report."""
    console.write(
        f"replay {replay['id']}: {replay['status']}, {replay['progress']:g} %; "
        f"{replay['submitted']} of {replay['matched']} submitted, {replay['succeeded']} "
        f"succeeded, {replay['failed']} failed, {replay['skipped']} skipped"
    )
    if replay["stopReason"]:
        console.write(replay["stopReason"])
    if replay["stageCounts"]:
        console.print(table_of(_STAGES, replay["stageCounts"]))
    for group in replay["stillFailing"]:
        console.write(
            f"{group['count']} failed again: {group['category']} {_describe_error(group)} "
            f"(letter {group['letterId']})"
        )
    for skip in replay["skips"]:
        console.write(f"skipped {skip['letterId']}: {skip['reason']}")


def _describe_error(row: Mapping[str, Any]) -> str:
    """Class and message in one short line."""
    error = row["error"]
    text = ": ".join(filter(None, (error.get("class"), error.get("message"))))
    return shorten(" ".join(text.split()), _MAX_MESSAGE)


def _write_error(console: Console, error: Mapping[str, Any] | None) -> None:
    if error is None:
        return
    console.write(f"  {error.get('class')}: {error.get('message')}")
    for line in (error.get("traceback") or "").splitlines():
        console.write(f"    {line}")


show_letters = list_view(
    {
        **columns_of("id", "type", "category", "status", "attempts", "diedAt"),
        "error": _describe_error,
    },
    empty="No letter matches.",
)
show_groups = list_view(
    {
        **columns_of("fingerprint", "count", "state", "type"),
        "owner": lambda group: group["owner"] or "",
        **columns_of("lastSeenAt"),
        "error": _describe_error,
    },
    empty="No group matches: there is no open letter.",
)
show_replays = list_view(
    {
        **columns_of("id", "status"),
        "submitted": lambda replay: f"{replay['submitted']}/{replay['matched']}",
        **columns_of("succeeded", "failed", "skipped", "createdBy", "createdAt"),
    },
    empty="There is no replay yet.",
)
_STAGES = {
    "stage": lambda stage: stage["stage"] + 1,
    "size": lambda stage: stage["size"] or "the rest",
    **columns_of("submitted", "succeeded", "failed"),
}
