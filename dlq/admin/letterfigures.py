"""The figures above the list of dead letters: how many there are, and how many died on each day."""

from typing import Any

from django.http import HttpRequest

from controlplane.core.admin.display import show_time
from controlplane.core.formatting import format_number
from controlplane.workspaces.adminpages import list_own_workspaces
from dlq.queries import get_letter_stats
from tasks_app.queries import in_bounded_time


def describe_figures(request: HttpRequest, pages: Any) -> dict[str, Any]:
    """Those of one workspace: the one that the address names, or the person's only one."""
    own = list_own_workspaces(request)
    slug = request.GET.get("workspace", "")
    chosen = [each for each in own if each.slug == slug] if slug else own
    if len(chosen) != 1 or not pages.has_view_permission(request):
        return {}
    with in_bounded_time():
        stats = get_letter_stats(chosen[0].id)
    highest = max([*stats.by_day.values(), 1])
    return {
        "stats": stats,
        "figures": [
            ("Open", format_number(stats.open)),
            ("Reprocessed", format_number(stats.by_status["REPROCESSED"])),
            ("Discarded", format_number(stats.by_status["DISCARDED"])),
            ("Oldest open", show_time(stats.oldest_open)),
        ],
        "days": [(day, number, 100 * number / highest) for day, number in stats.by_day.items()],
    }
