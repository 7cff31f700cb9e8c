"""The page of groups: failures by frequency, with actions for each."""

import re
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from controlplane.core.admin.actions import ask, is_confirmed
from controlplane.core.admin.display import Question, show_time
from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.core.errors import DomainError
from controlplane.core.formatting import format_count, format_number, format_state
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import is_allowed
from controlplane.workspaces.adminpages import WorkspacePages, list_own_workspaces
from controlplane.workspaces.states import DEFAULT_WORKSPACE, Role
from dlq.bulk import act_on_letters
from dlq.discard import MAX_REASON
from dlq.filters import LetterFilter
from dlq.queries import get_letter_stats
from dlq.replays import start_replay
from tasks_app.queries import in_bounded_time

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_QUESTIONS = {
    "canary": Question(
        "Reprocess the letters of this failure?",
        "As a canary: 5 letters, then 50, then the rest. It stops when more than a fifth of a "
        "stage fails again.",
        "Reprocess as canary",
    ),
    "discard": Question(
        "Discard the letters of this failure?",
        "Discarded letters are closed for good; their work is not done.",
        "Discard",
    ),
}


class GroupPages(WorkspacePages, ReadOnlyAdmin):
    """Pages of letters, with the page of their groups."""

    def groups_view(self, request: HttpRequest) -> HttpResponse:
        """The groups of one workspace. A POST acts on one of them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        workspaces = list_own_workspaces(request)
        slug = request.GET.get("workspace", DEFAULT_WORKSPACE)
        chosen = next((w for w in workspaces if w.slug == slug), next(iter(workspaces), None))
        if request.method == "POST" and chosen is not None:
            return self._act_on_group(request, chosen)
        context: dict[str, Any] = {}
        if chosen is not None:
            context = _describe_groups(chosen.id)
            context["may_operate"] = is_allowed(request, Role.OPERATOR, chosen.id)
        return self.render(
            request,
            "admin/dlq/deadletter/groups.html",
            title="Dead letters by failure",
            workspaces=workspaces,
            chosen=chosen,
            max_reason=MAX_REASON,
            **context,
        )

    def start_canary(
        self, request: HttpRequest, workspace_id: UUID, letter_filter: LetterFilter, actor: Actor
    ) -> UUID | None:
        """Start a replay and show a message with a link to it; None if a service refused."""
        try:
            replay = start_replay(
                workspace_id=workspace_id, letter_filter=letter_filter, actor=actor
            )
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None
        url = reverse("admin:dlq_replay_change", args=[replay.id])
        counted = format_count(replay.matched, "letter")
        text = format_html('<a href="{}">The replay</a> of {} has started.', url, counted)
        self.message_user(request, text, messages.SUCCESS)
        replay_id: UUID = replay.id
        return replay_id

    def _act_on_group(self, request: HttpRequest, workspace: Any) -> HttpResponse:
        actor = self.require_operator(request, workspace.id)
        here = reverse("admin:dlq_deadletter_groups")
        back = HttpResponseRedirect(f"{here}?{urlencode({'workspace': workspace.slug})}")
        fingerprint = request.POST.get("fingerprint", "")
        if not _FINGERPRINT.fullmatch(fingerprint):
            self.message_user(request, "Choose a group.", messages.ERROR)
            return back
        verb = "canary" if request.POST.get("do") == "canary" else "discard"
        if not is_confirmed(request):
            return ask(self, request, None, _QUESTIONS[verb])
        letter_filter = LetterFilter(fingerprints=(fingerprint,))
        if verb == "canary":
            replay = self.start_canary(request, workspace.id, letter_filter, actor)
            if replay is None:
                return back
            return HttpResponseRedirect(reverse("admin:dlq_replay_change", args=[replay]))
        self._discard_group(request, workspace.id, letter_filter, actor)
        return back

    def _discard_group(
        self, request: HttpRequest, workspace_id: UUID, letter_filter: LetterFilter, actor: Actor
    ) -> None:
        try:
            result = act_on_letters(
                workspace_id=workspace_id,
                action="discard",
                letter_filter=letter_filter,
                actor=actor,
                reason=request.POST.get("reason", ""),
            )
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        text = f"{format_count(result.changed, 'letter')} discarded."
        if result.has_more:
            text += " There are more: repeat the action for the rest."
        self.message_user(request, text, messages.SUCCESS)


def _describe_groups(workspace_id: UUID) -> dict[str, Any]:
    """Figures, the number of letters per day with the height of a bar, and groups."""
    with in_bounded_time():
        stats = get_letter_stats(workspace_id)
    highest = max([*stats.by_day.values(), 1])
    return {
        "stats": stats,
        "figures": [
            ("Open", format_number(stats.open)),
            ("Reprocessed", format_number(stats.by_status["REPROCESSED"])),
            ("Discarded", format_number(stats.by_status["DISCARDED"])),
            ("Oldest open", show_time(stats.oldest_open)),
        ],
        "days": [(day, n, round(100 * n / highest)) for day, n in stats.by_day.items()],
        "groups": [
            {
                "group": group,
                "category": format_state(group.category),
                "first_seen": show_time(group.first_seen),
                "last_seen": show_time(group.last_seen),
            }
            for group in stats.groups
        ],
    }
