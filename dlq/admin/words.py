"""What happened, in words."""

from datetime import datetime
from typing import Any

from dlq.states import LetterStatus, ReplayState
from tasks_app.states import ErrorCategory

_WHY = {
    ErrorCategory.TIMEOUT: "it took longer than it may",
    ErrorCategory.VALIDATION: "its input was not valid",
    ErrorCategory.DEPENDENCY: "something that it depends on failed",
    ErrorCategory.NETWORK: "the network or another service failed",
    ErrorCategory.RESOURCE: "memory, disk or another resource was used up",
    ErrorCategory.WORKER_LOST: "it took its worker with it, again and again",
    ErrorCategory.CANCELLED_BY_PARENT: "a task that it waited for did not complete",
    ErrorCategory.CODE: "its code failed",
    ErrorCategory.UNKNOWN: "it failed",
}


def tell_death(letter: Any) -> str:
    """Why and when the task died."""
    why = _WHY.get(letter.category, _WHY[ErrorCategory.UNKNOWN])
    attempts = letter.attempts_total
    if attempts:
        after = f"after {attempts} attempt{'s' if attempts != 1 else ''}"
    else:
        after = "before it ever started"
    return f"The task {letter.name} died on {_at(letter.died_at)} {after}: {why}."


def tell_fate(letter: Any) -> str:
    """What became of the letter."""
    by = f" by {letter.resolved_by}" if letter.resolved_by else ""
    if letter.status == LetterStatus.REPROCESSED:
        return f"Reprocessed on {_at(letter.resolved_at)}{by}: another task repeats the work."
    if letter.status == LetterStatus.DISCARDED:
        return f"Discarded on {_at(letter.resolved_at)}{by}: {letter.discard_reason}"
    return "Open: nobody has dealt with it yet."


def tell_replay(replay: Any) -> str:
    """How a replay stands."""
    if replay.state == ReplayState.RUNNING:
        if replay.stage < len(replay.stages):
            size = replay.stages[replay.stage]
            return (
                f"Stage {replay.stage + 1} of {len(replay.stages) + 1}: {size} letters, whose "
                "tasks must end before the next stage begins."
            )
        return "All the others are being submitted."
    told = {
        ReplayState.COMPLETED: "Every letter that it meant has been dealt with.",
        ReplayState.CANCELLED: "Cancelled: no further letters are submitted.",
        ReplayState.STOPPED: "It stopped by itself.",
    }[replay.state]
    return f"{told} {replay.stop_reason}".strip()


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d at %H:%M:%S} UTC"
