"""Letters, groups and replays for people at a terminal."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.core.console import Console, Table, facts_table

_LONGEST_MESSAGE = 80
_ID_WIDTH = 36


def print_letters(console: Console, letters: Sequence[Mapping[str, Any]]) -> None:
    """One line each."""
    table = _table("id", "type", "category", "status", "attempts", "died", "error")
    for letter in letters:
        table.add_row(
            str(letter["id"]),
            letter["type"],
            letter["category"],
            letter["status"],
            str(letter["attempts"]),
            letter["diedAt"],
            _error(letter["error"]),
        )
    console.print(table if letters else "No letter matches.")


def print_letter(console: Console, letter: Mapping[str, Any]) -> None:
    """All of one."""
    table = facts_table()
    for name, value in letter.items():
        if value not in (None, [], {}) and name not in ("attempts", "error", "chain"):
            # As --payload takes it back.
            table.add_row(name, json.dumps(value) if name == "payload" else str(value))
    console.print(table)
    for attempt in letter["attempts"]:
        console.print(
            f"attempt {attempt['attempt']}: {attempt['outcome']} on {attempt['workerNode']} "
            f"at {attempt['finishedAt']}",
        )
        _print_error(console, attempt["error"])
    if not letter["attempts"]:
        _print_error(console, letter["error"])
    for side, words in (("previous", "repeats the work of"), ("next", "its repetition died:")):
        for other in letter["chain"][side]:
            console.print(f"{words} {other['id']} ({other['status']}, {other['diedAt']})")


def print_groups(console: Console, groups: Sequence[Mapping[str, Any]]) -> None:
    """One line each."""
    table = _table("fingerprint", "letters", "category", "types", "last seen", "error", width=16)
    for group in groups:
        table.add_row(
            group["fingerprint"],
            str(group["count"]),
            group["category"],
            ", ".join(group["types"]),
            group["lastSeenAt"],
            _error(group["error"]),
        )
    console.print(table if groups else "There is no open letter.")


def print_stats(console: Console, stats: Mapping[str, Any]) -> None:
    """Counts."""
    console.print(f"{stats['open']} open of {stats['total']} letters")
    if stats["oldestOpenAt"]:
        console.print(f"the oldest open one died at {stats['oldestOpenAt']}")
    table = _table("by", "what", "letters", width=8)
    for by in ("byStatus", "byCategory", "byType", "byDay"):
        for name, count in stats[by].items():
            if count:
                table.add_row(by.removeprefix("by").lower(), name, str(count))
    console.print(table)


def print_replays(console: Console, replays: Sequence[Mapping[str, Any]]) -> None:
    """One line each."""
    table = _table("id", "status", "submitted", "succeeded", "failed", "skipped", "by", "created")
    for replay in replays:
        table.add_row(
            str(replay["id"]),
            replay["status"],
            f"{replay['submitted']}/{replay['matched']}",
            str(replay["succeeded"]),
            str(replay["failed"]),
            str(replay["skipped"]),
            replay["createdBy"],
            replay["createdAt"],
        )
    console.print(table if replays else "There is no replay yet.")


def print_replay(console: Console, replay: Mapping[str, Any]) -> None:
    """Its report."""
    console.print(
        f"replay {replay['id']}: {replay['status']}, {replay['progress']:g} %; "
        f"{replay['submitted']} of {replay['matched']} submitted, {replay['succeeded']} "
        f"succeeded, {replay['failed']} failed, {replay['skipped']} skipped",
    )
    if replay["stopReason"]:
        console.print(replay["stopReason"])
    table = _table("stage", "size", "submitted", "succeeded", "failed", width=5)
    for stage in replay["stageCounts"]:
        table.add_row(
            str(stage["stage"] + 1),
            str(stage["size"] or "the rest"),
            str(stage["submitted"]),
            str(stage["succeeded"]),
            str(stage["failed"]),
        )
    if replay["stageCounts"]:
        console.print(table)
    for group in replay["stillFailing"]:
        console.print(
            f"{group['count']} failed again: {group['category']} {_error(group['error'])} "
            f"(letter {group['letterId']})",
        )
    for skip in replay["skips"]:
        console.print(f"skipped {skip['letterId']}: {skip['reason']}")


def _table(*columns: str, width: int = _ID_WIDTH) -> Table:
    table = Table(*columns)
    table.columns[0].no_wrap = True  # for copying
    table.columns[0].min_width = width
    return table


def _error(error: Mapping[str, Any]) -> str:
    text = ": ".join(filter(None, (error.get("class"), error.get("message"))))
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[: _LONGEST_MESSAGE - 1]}…"


def _print_error(console: Console, error: Mapping[str, Any] | None) -> None:
    if error is None:
        return
    console.print(f"  {error.get('class')}: {error.get('message')}")
    for line in (error.get("traceback") or "").splitlines():
        console.print(f"    {line}", highlight=False)
