"""Waiting at the terminal until tasks have ended."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from controlplane.core.console.command import ConsoleCommand
from controlplane.core.console.output import EXIT_TIMEOUT, CommandError
from controlplane.core.console.polling import poll
from tasks_app.queries import get_states
from tasks_app.states import FINAL, TaskState

_POLL_SECONDS = 0.1
_CHUNK = 1_000
_REMOVED = "REMOVED"  # retention was faster
_ENDED = frozenset({*FINAL, _REMOVED})

States = Counter[str]


def wait_for_tasks(
    command: ConsoleCommand,
    workspace_id: UUID,
    ids: Sequence[UUID],
    *,
    seconds: float,
    label: str = "Waiting",
) -> States:
    """Wait, with a progress bar, until all have ended. Returns the number of tasks by state.

    Raises CommandError with EXIT_TIMEOUT after `seconds`.
    """
    ended: States = Counter()
    open_ids = list(ids)

    def read() -> States:
        nonlocal open_ids
        current = _read_states(workspace_id, open_ids)
        ended.update(state for state in current.values() if state in _ENDED)
        open_ids = [each for each in open_ids if current[each] not in _ENDED]
        return Counter(current[each] for each in open_ids)

    with command.progress(label, total=len(ids)) as update:
        waiting, is_over = poll(
            read,
            until=lambda waiting: not waiting,
            seconds=seconds,
            every=_POLL_SECONDS,
            show=lambda waiting: update(
                completed=len(ids) - len(open_ids), note=describe_states(ended + waiting)
            ),
        )
    if not is_over:
        raise CommandError(
            f"Waited {seconds:g} s; not ended yet: {describe_states(waiting)}. "
            f"`manage.py tasks show {open_ids[0]}` says why.",
            returncode=EXIT_TIMEOUT,
        )
    return ended


def describe_states(states: States) -> str:
    """`3 COMPLETED, 1 FAILED`."""
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items()))


def have_all_completed(states: States) -> bool:
    """Whether nothing failed, was cancelled or has been removed."""
    return set(states) <= {TaskState.COMPLETED.value}


def _read_states(workspace_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Any]:
    by_id: dict[UUID, Any] = {}
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        states = get_states(workspace_id, chunk)
        by_id |= {each: states.get(each, _REMOVED) for each in chunk}
    return by_id
