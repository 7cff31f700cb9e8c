"""The present and past work of a worker, read from its slot files in a few microseconds."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from controlplane.core.clock import now, utc_z
from workers.measures import Usage
from workers.node_state import SharedNodeState
from workers.slots import RowStatus, Slot


@dataclass(frozen=True, slots=True)
class Counters:
    """A snapshot of a worker.

    `running`: handlers that run now. `processed`: tasks that ended on this node; `failed`: those of
    them that failed for good; `stale`: outcomes that were refused. `slots`: one entry per pool
    child, `slot` being its process id, with its longest-running task and how many run beside it.
    """

    running: int = 0
    processed: int = 0
    failed: int = 0
    stale: int = 0
    held: int = 0  # rows claimed and not yet settled, running or not
    slots: list[dict[str, Any]] = field(default_factory=list)

    @property
    def busy(self) -> int:
        return sum(1 for slot in self.slots if slot["running"])


NO_COUNTERS = Counters()


@dataclass(slots=True)
class WorkerStatus:
    """The agent's information about its worker. The agent's loop replaces it as a whole; threads of
    its HTTP service read it, and never query the database. `usage` is None before the first
    sample."""

    counters: Counters = NO_COUNTERS
    usage: Usage | None = None


def read_counters(node_state: SharedNodeState, slots: Sequence[Slot]) -> Counters:
    processed, failed, stale = node_state.ended_child_counts
    views, running, held = [], 0, 0
    for slot in slots:
        counts = slot.counts
        processed += counts.processed
        failed += counts.failed
        stale += counts.stale
        view, holds = _look(slot)
        views.append(view)
        running += view["running"]
        held += holds
    return Counters(
        running=running,
        # A child may count between the look at the page and that at its slot, never less than 0.
        processed=max(0, processed),
        failed=max(0, failed),
        stale=max(0, stale),
        held=held,
        slots=sorted(views, key=lambda view: int(view["slot"])),
    )


def keep_counts_of_ended(node_state: SharedNodeState, slot: Slot) -> None:
    """Add the counters of a pool child that has ended to the shared state."""
    processed, failed, stale = node_state.ended_child_counts
    counts = slot.counts
    node_state.ended_child_counts = (
        processed + counts.processed,
        failed + counts.failed,
        stale + counts.stale,
    )


def restart_counts(node_state: SharedNodeState, slots: Sequence[Slot]) -> None:
    """Start a new incarnation at 0: what living children have counted belongs to the one before."""
    counts = [slot.counts for slot in slots]
    node_state.ended_child_counts = (
        -sum(count.processed for count in counts),
        -sum(count.failed for count in counts),
        -sum(count.stale for count in counts),
    )


def _look(slot: Slot) -> tuple[dict[str, Any], int]:
    rows = list(slot.rows())
    started = [row for row in rows if row.status == RowStatus.STARTED]
    eldest = min(started, key=lambda row: row.started, default=None)
    view = {
        "slot": slot.pid,
        "running": len(started),
        "taskId": str(eldest.task_id) if eldest else None,
        "startedAt": _wall(eldest.started) if eldest else None,
    }
    return view, len(rows)


def _wall(monotonic: float) -> str:
    return utc_z(now() - timedelta(seconds=time.monotonic() - monotonic))
