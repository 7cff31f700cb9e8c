"""The figures beside the entries of the sidebar: what is wrong, dead letters, lost workers.

Each is that of the page to which its entry leads. A page that is drawn gets what was counted a
moment ago, for any page of this process; an open one follows the topics `findings` and
`navigation`.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from controlplane.core.admin.navigation import Count
from controlplane.core.clock import now
from controlplane.core.process_state import register_reset
from controlplane.ops.overview.page import choose
from controlplane.ops.overview.recent import recall_wrong
from controlplane.workspaces.adminpages import list_own_workspaces
from dlq.queries import count_open
from workers.queries import count_lost

# Each is a topic of every page of such a person; with more, the figure is that of the drawn page.
MAX_FOLLOWED = 8
_KEPT_SECONDS = 2.0
_MAX_KEPT = 1_000

Figures = tuple[int | None, int | None, int]

_lock = threading.Lock()
_kept: dict[tuple[UUID, ...], tuple[float, Figures]] = {}
register_reset(_kept.clear)


def count_for(request: HttpRequest) -> dict[str, Count]:
    """By the names in the table of the sidebar; empty for somebody without a workspace."""
    workspaces = list_own_workspaces(request)
    overview = choose(workspaces, "")
    if overview is None:
        return {}
    wrong, letters, lost = _read([overview.id, *(each.id for each in workspaces)])
    followed = workspaces if len(workspaces) <= MAX_FOLLOWED else []
    return {
        "wrong": Count(wrong, f"{overview.slug}/findings#wrong", "wrong now"),
        "dead-letters": Count(letters, _paths(followed), "open"),
        "lost": Count(lost, f"{overview.slug}/navigation#lost", "lost in 24 h"),
    }


def _paths(workspaces: Sequence[Any]) -> str:
    return " ".join(f"{each.slug}/navigation#deadLetters" for each in workspaces)


def _read(ids: list[UUID]) -> Figures:
    """For the workspace of the overview, which comes first, and all of the person's."""
    key = tuple(ids)
    until, figures = _kept.get(key, (0.0, None))
    if figures is not None and until > time.monotonic():
        return figures
    at = now()
    figures = recall_wrong(ids[0], at), count_open(ids), count_lost(at)
    with _lock:
        if len(_kept) >= _MAX_KEPT:
            _kept.clear()
        _kept[key] = time.monotonic() + _KEPT_SECONDS, figures
    return figures
