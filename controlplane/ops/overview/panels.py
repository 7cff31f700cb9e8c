"""The panels: what each shows, and who may see it. A panel that cannot be read says so, and leaves
the others alone."""

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection, transaction

from controlplane.core.visibletext import isolated_text
from controlplane.ops.overview.access import count_wrong, may_open
from controlplane.ops.overview.checks import run_checks
from controlplane.ops.overview.drawings import draw_throughput, draw_waits
from controlplane.ops.overview.figures import describe_figures
from controlplane.ops.overview.lists import (
    read_failures,
    read_queues,
    read_scaling,
    read_schedules,
    read_workers,
)
from controlplane.ops.overview.queries.source import Source
from controlplane.ops.overview.recent import remember
from controlplane.ops.overview.situation import describe_findings
from workers.queries import VIEW_NODE

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the page: its template is `overview/<name>.html`. `permission`: without it the
    panel says that it is missing."""

    name: str
    title: str
    span: int  # of twelve columns; 0: above them
    read: Callable[[Source], dict[str, Any]]
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel with what it shows: `data`, or why there is none: `denied` or `failed`."""

    panel: Panel
    data: dict[str, Any] | None = None
    denied: str = ""
    failed: bool = False


def show_panel(panel: Panel, source: Source) -> Shown:
    """Read one panel. Any fault is logged, and shown in its place."""
    if panel.permission and not source.may(panel.permission):
        return Shown(panel, denied=panel.permission)
    # In a transaction a failed statement would take the following ones along.
    guard: Any = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with guard:
            return Shown(panel, panel.read(source))
    except DatabaseError as error:
        logger.warning("Panel cannot be read: name=%s error=%s", panel.name, error)
    except Exception:
        logger.exception("Panel failed: name=%s", panel.name)
    return Shown(panel, failed=True)


def read_situation(source: Source) -> dict[str, Any]:
    """What is wrong, as far as the person may open it."""
    report = run_checks(source.facts)
    remembered = remember(source.workspace_id, report.findings, source.at)
    findings = [each for each in remembered if may_open(each, source.may)]
    wrong = count_wrong(findings).total()
    return {
        "rows": describe_findings(findings, source.at, source.describe, is_live=source.is_live),
        "wrong": wrong,
        "title": _title(wrong),
        "note": f"{report.passed:,} of {report.checked:,} checks pass",
    }


def find_wrong(source: Source) -> Counter[str]:
    """How many things are wrong by permission, remembered for pages that are drawn next."""
    return count_wrong(remember(source.workspace_id, run_checks(source.facts).findings, source.at))


def _title(wrong: int) -> str:
    if not wrong:
        return "Nothing is wrong"
    return "One thing is wrong" if wrong == 1 else f"{wrong} things are wrong"


def read_figures(source: Source) -> dict[str, Any]:
    """The key figures."""
    return {"rows": describe_figures(source)}


def read_throughput(source: Source) -> dict[str, Any]:
    """The chart of what ended."""
    drawn = draw_throughput(source)
    return {"completed": drawn.completed, "troubled": drawn.troubled, "chosen": source.span}


def read_waits(source: Source) -> dict[str, Any]:
    """The chart of waits."""
    paused = [view.queue.name for view in source.views if view.queue.paused_at is not None]
    names = ", ".join(map(isolated_text, paused[:3]))
    left_out = f" Paused queues ({names}) are left out." if paused else ""
    return {"chart": draw_waits(source), "foot": f"Logarithmic.{left_out}"}


PANELS = (
    Panel("situation", "What is wrong", 0, read_situation),
    Panel("figures", "Key figures", 0, read_figures),
    Panel("throughput", "Throughput", 7, read_throughput),
    Panel("waits", "Oldest wait by queue", 5, read_waits, "tasks_app.view_queue"),
    Panel("queues", "Queues", 8, read_queues, "tasks_app.view_queue"),
    Panel("failures", "Newest failures", 4, read_failures, "dlq.view_deadletter"),
    Panel("workers", "Workers", 4, read_workers, VIEW_NODE),
    Panel("scaling", "Scaling", 5, read_scaling, "scaling.view_scalingevent"),
    Panel("schedules", "Next schedules", 3, read_schedules, "schedules.view_schedule"),
)
