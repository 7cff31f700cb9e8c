"""The shape and the colour of every state. A page shows the shape with the word beside it: neither
the shape nor its colour stands alone."""

from dataclasses import dataclass

from controlplane.core.formatting import format_state


@dataclass(frozen=True, slots=True)
class Shape:
    """`name` is a symbol `state-<name>` of static/dashboard/icons.svg, `tone` a class `tone-…`."""

    name: str
    tone: str


_PENDING = Shape("pending", "pending")
_RUNNING = Shape("running", "running")
_SCHEDULED = Shape("scheduled", "scheduled")
_COMPLETED = Shape("completed", "completed")
_FAILED = Shape("failed", "failed")
_DEAD = Shape("dead", "dead")
_CANCELLED = Shape("cancelled", "cancelled")
_PAUSED = Shape("paused", "pending")
_QUIET = Shape("muted", "scheduled")

SHAPES = {
    "BLOCKED": Shape("blocked", "pending"),
    "SCHEDULED": _SCHEDULED,
    "PENDING": _PENDING,
    "RUNNING": _RUNNING,
    "RETRYING": Shape("retrying", "retrying"),
    "COMPLETED": _COMPLETED,
    "FAILED": _FAILED,
    "CANCELLED": _CANCELLED,
    # attempts
    "SUCCEEDED": _COMPLETED,
    "TIMED_OUT": _FAILED,
    "SNOOZED": _SCHEDULED,
    "INTERRUPTED": _CANCELLED,
    "LOST": _DEAD,
    # nodes and launches
    "STARTING": _PENDING,
    "READY": _COMPLETED,
    "ACTIVE": _COMPLETED,
    "DRAINING": Shape("draining", "retrying"),
    "STOPPED": _QUIET,
    # dead letters
    "OPEN": _DEAD,
    "REPROCESSED": _COMPLETED,
    "DISCARDED": _CANCELLED,
    # runs, steps and firings
    "WAITING": Shape("approval", "pending"),
    "SKIPPED": _CANCELLED,
    "QUEUED": _PENDING,
    "STARTED": _RUNNING,
    "MISSED": _FAILED,
    "OVERLAP": _CANCELLED,
    "PAUSED": _PAUSED,
    # scaling
    "UNCHANGED": _QUIET,
    "RECOMMENDED": Shape("acknowledged", "pending"),
    "ACTING": _RUNNING,
    "SUPERSEDED": _CANCELLED,
    # stress tests
    "PREPARING": _PENDING,
    "SETTLING": _RUNNING,
    "STOPPING": Shape("draining", "retrying"),
    "CHECKING": _RUNNING,
    "DONE": _COMPLETED,
    "PASSED": _COMPLETED,
    "better": _COMPLETED,
    "worse": _FAILED,
    "alike": _QUIET,
    "unknown": _QUIET,
    # bulk operations, and what they are for
    "LISTING": _RUNNING,
    "ON": _COMPLETED,
    # judgements: what a page says of a figure
    "good": _COMPLETED,
    "bad": _FAILED,
    "busy": _RUNNING,
    "waiting": _PENDING,
    "quiet": _QUIET,
    "warning": Shape("warning", "retrying"),
    "acknowledged": Shape("acknowledged", "pending"),
    "regressed": Shape("regressed", "failed"),
    "approval": Shape("approval", "pending"),
}
_UNKNOWN = _QUIET


def find_shape(state: str) -> Shape:
    """The shape of a state; a ring with a bar for one that is not in the table."""
    return SHAPES.get(state, _UNKNOWN)


def name_shape(state: str) -> dict[str, str]:
    """The shape for a module: makeNamedShape of static/dashboard/shapes.js."""
    found = find_shape(state)
    return {"symbol": f"state-{found.name}", "tone": f"tone-{found.tone}"}


def state_word(state: str) -> str:
    """`Timed out` for `TIMED_OUT`."""
    return format_state(state).capitalize()
