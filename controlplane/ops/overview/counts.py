"""The figures beside the entries of the sidebar: what is wrong, dead letters, open bulk
operations, lost workers.

Each is that of the page to which its entry leads: of the chosen workspace, or of all that the
person has where the list shows them all. A page that is drawn reads what is summed up
already, in two small statements, and what was wrong when somebody last looked; an open one follows
the topics `findings` and `navigation`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from controlplane.core.admin.navigation import Count
from controlplane.core.clock import now
from controlplane.ops.overview.access import list_lacking
from controlplane.ops.overview.recent import recall_wrong
from controlplane.workspaces.adminpages import list_own_workspaces
from controlplane.workspaces.chosen import prefer_workspace
from dlq.queries import count_open
from workers.queries import count_lost

# Each is a topic of every page of such a person; with more, the figure is that of the drawn page.
MAX_FOLLOWED = 8


def count_for(request: HttpRequest) -> dict[str, Count]:
    """By the names in the table of the sidebar; empty for somebody without a workspace."""
    workspaces = list_own_workspaces(request)
    chosen = prefer_workspace(request, workspaces)
    if chosen is None:
        return {}
    at = now()
    followed = workspaces if len(workspaces) <= MAX_FOLLOWED else []
    return {
        "wrong": _count_wrong(request, chosen, at),
        "dead-letters": Count(
            count_open([chosen.id]),
            f"{chosen.slug}/navigation#deadLetters",
            "open outside muted groups" + ("" if len(workspaces) == 1 else f" in {chosen.slug}"),
        ),
        # No statement of every page: it is shown when the first snapshot has come.
        "operations": Count(None, _paths(followed, "operations"), "open"),
        "lost": Count(count_lost(at), f"{chosen.slug}/navigation#lost", "lost in 24 h"),
    }


def _count_wrong(request: HttpRequest, workspace: Any, at: datetime) -> Count:
    """What the person sees on the overview."""
    user: Any = request.user
    lacking = list_lacking(user.has_perm)
    found = recall_wrong(workspace.id, at)
    value = None if found is None else found.total() - sum(found[each] for each in lacking)
    less = tuple(f"byPermission/{each}" for each in lacking)
    return Count(value, f"{workspace.slug}/findings#wrong", "wrong now", less)


def _paths(workspaces: Sequence[Any], name: str) -> str:
    return " ".join(f"{each.slug}/navigation#{name}" for each in workspaces)
