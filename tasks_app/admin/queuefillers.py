"""Who fills a queue, for its page: the rows of one grouping."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.urls import reverse

from controlplane.core.formatting import format_number
from tasks_app.admin.links import queue_tasks_url, quoted
from tasks_app.models import Queue
from tasks_app.queries.fillers import Fillers, Slice, find_fillers

GROUPINGS = ("type", "workspace", "tag")


def describe_fillers(
    queue: Queue, workspaces: Sequence[UUID] | None, grouping: str, waiting: int
) -> dict[str, Any]:
    """The slices by one grouping, with their shares and what narrows the list of tasks to each."""
    found = find_fillers(queue, workspaces)
    chosen = grouping if grouping in GROUPINGS else "type"
    slices: Sequence[Slice] = {
        "type": found.types, "workspace": found.workspaces, "tag": found.tags,
    }[chosen]  # fmt: skip
    is_sample = not found.is_complete and chosen == "tag"
    whole = found.looked_at if is_sample else max(waiting, *(each.tasks for each in slices), 1)
    return {
        "grouping": chosen,
        "groupings": GROUPINGS,
        "rows": [
            {
                "slice": each,
                "share": each.tasks / whole if chosen != "workspace" else None,
                "url": _slice_url(queue, chosen, each),
                "own": chosen == "workspace",
            }
            for each in slices
        ],
        "note": _sample_note(found, chosen),
        "may_cancel": chosen in ("type", "tag"),
    }


def _slice_url(queue: Queue, grouping: str, each: Slice) -> str:
    if grouping == "workspace":
        # Where it can be paused, limited and cancelled.
        own = each.lane in (None, queue.pk)
        return "" if own else reverse("admin:tasks_app_queue_change", args=[each.lane])
    return queue_tasks_url(queue, status="PENDING", **{grouping: quoted(each.name)})


def _sample_note(found: Fillers, grouping: str) -> str:
    if found.is_complete or grouping == "workspace":
        return ""
    looked_at = format_number(found.looked_at)
    if grouping == "type":
        return (
            "Types count every task that has not ended, running and delayed ones too. The oldest "
            f"is that among the {looked_at} tasks that start next."
        )
    return f"Counted are the {looked_at} tasks that start next; more wait behind them."
