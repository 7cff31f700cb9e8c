"""What the page of one letter shows."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime

from dlq.admin.pages import badge, pretty
from dlq.admin.words import tell_death, tell_fate
from dlq.filters import LetterFilter
from dlq.models import DeadLetter
from dlq.queries import count_letters, get_chain
from dlq.states import LetterStatus
from tasks_app.processors import registry
from tasks_app.processors.registry import UnknownType
from tasks_app.selectors import get_states, in_bounded_time

_MOST_ALIKE = 1_000


def describe_letter(letter: DeadLetter) -> dict[str, Any]:
    """The facts of a letter, in words and as links."""
    chain = get_chain(letter)
    alike = LetterFilter(fingerprints=(letter.fingerprint,), statuses=(LetterStatus.OPEN.value,))
    with in_bounded_time():
        alike_total = count_letters(letter.workspace_id, alike, limit=_MOST_ALIKE + 1)
    return {
        "death": tell_death(letter),
        "fate": tell_fate(letter),
        "badge": badge(letter.status, letter.get_status_display()),
        "is_open": letter.status == LetterStatus.OPEN,
        "payload_text": pretty(letter.payload),
        "attempts": [_attempt(each) for each in letter.attempts],
        "left_out": max(0, letter.attempts_total - len(letter.attempts)),
        "alike": f"{_MOST_ALIKE}+" if alike_total > _MOST_ALIKE else alike_total,
        "previous": chain.previous,
        "following": chain.next,
        **_tasks(letter),
    }


def describe_type(letter: DeadLetter) -> dict[str, Any]:
    """What the payload of the letter's type must be like."""
    try:
        found = registry.get(letter.type)
    except UnknownType as error:
        return {"type_error": str(error)}
    return {"schema_text": pretty(dict(found.payload_schema)), "description": found.description}


def _attempt(kept: Mapping[str, Any]) -> dict[str, Any]:
    started, finished = (parse_datetime(kept.get(n) or "") for n in ("startedAt", "finishedAt"))
    took = finished - started if started and finished else None
    return {
        "number": kept["attempt"],
        "outcome": str(kept["outcome"]).replace("_", " ").lower(),
        "node": kept["workerNode"],
        "started": started,
        "took": None if took is None else _words(took),
        "error": kept["error"],
    }


def _words(took: timedelta) -> str:
    seconds = took.total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _tasks(letter: DeadLetter) -> dict[str, Any]:
    """The states of the dead task and of the one that repeats it; None when one was removed."""
    ids: list[UUID] = [letter.task_id]
    if letter.reprocessed_task_id:
        ids.append(letter.reprocessed_task_id)
    states = get_states(letter.workspace_id, ids)
    return {
        "task_state": states.get(letter.task_id),
        "repeat_state": states.get(ids[-1]) if len(ids) > 1 else None,
    }
