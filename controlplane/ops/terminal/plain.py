"""One snapshot without a screen: as lines, or as JSON in the words of the API."""

from collections.abc import Iterator
from typing import Any

from controlplane.core.clock import utc_z
from controlplane.core.console.cells import Line
from controlplane.core.schema import represent
from controlplane.ops.terminal.layout import draw_head
from controlplane.ops.terminal.snapshot import Snapshot, Totals
from controlplane.ops.terminal.state import State
from controlplane.ops.terminal.table import draw_heading, draw_row, place
from scaling.schema import SETTINGS

_TALL = 1_000


def list_lines(snapshot: Snapshot, width: int, interval: float) -> Iterator[str]:
    """The head, and all rows of all lists."""
    state = State(snapshot=snapshot)
    lines: list[Line] = draw_head(state, width, _TALL, interval)
    for pane in state.panes:
        rows = pane.rows(snapshot)
        placed = place(pane.kind.columns, width - 2)
        title = Line(width)
        title.put(0, f"{pane.kind.title} {len(rows):,}")
        lines.append(title)
        if rows:
            lines.append(draw_heading(placed, width))
        else:
            empty = Line(width)
            empty.put(2, pane.kind.empty)
            lines.append(empty)
        lines += [draw_row(pane.kind, placed, row, width, chosen=False) for row in rows]
        lines.append(Line(width))
    for line in lines[:-1]:
        yield line.plain


def describe_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as JSON values."""
    from dlq.groupschema import LetterGroup
    from tasks_app.schema.nodes import Node
    from tasks_app.schema.queues import Queue

    return {
        "at": utc_z(snapshot.at),
        "workspace": snapshot.workspace,
        "wrong": snapshot.wrong,
        "checks": {"passed": snapshot.passed, "total": snapshot.checked},
        "findings": [
            {
                "key": finding.key,
                "sentence": f"{finding.subject} {finding.says}",
                "why": finding.why,
                "since": None if finding.since is None else utc_z(finding.since),
                "wellSince": None if finding.well_since is None else utc_z(finding.well_since),
            }
            for finding in snapshot.findings
        ],
        "totals": _describe_totals(snapshot.totals),
        "queues": [represent(Queue, line.view, None) for line in snapshot.queues],
        "nodes": [represent(Node, line.node, None) for line in snapshot.nodes],
        "groups": [represent(LetterGroup, line.view, None) for line in snapshot.groups],
        "hasMoreGroups": snapshot.has_more_groups,
    }


def _describe_totals(totals: Totals) -> dict[str, Any]:
    return {
        "oldestWaitSeconds": totals.oldest_seconds,
        "oldestQueue": totals.oldest_queue or None,
        SETTINGS["objective_seconds"].api: totals.objective_seconds,
        "waiting": totals.waiting,
        "running": totals.running,
        "slots": totals.slots,
        "donePerSecond": totals.done_per_second,
        "failedInOneHour": totals.failed,
        "endedInOneHour": totals.ended,
        "deadLetters": totals.letters,
        "isEstimate": totals.is_estimate,
    }
