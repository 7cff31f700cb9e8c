"""The page of groups: what fails, the most frequent first, and what to do with each."""

import re
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from controlplane.core.errors import DomainError
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import may, roles_of
from controlplane.workspaces.selectors import list_workspaces
from controlplane.workspaces.states import DEFAULT_WORKSPACE, Role
from dlq import bulk, replays
from dlq.admin.pages import LetterPages
from dlq.discard import MAX_REASON
from dlq.filters import LetterFilter
from dlq.queries import get_letter_stats
from tasks_app.selectors import in_bounded_time

_MOST_WORKSPACES = 1_000
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


class GroupPages(LetterPages):
    """Pages of letters, with that of their groups."""

    def get_urls(self) -> list[URLPattern]:
        """With the page of groups."""
        own = path(
            "groups/", self.admin_site.admin_view(self.groups_view), name="dlq_deadletter_groups"
        )
        return [own, *super().get_urls()]

    def groups_view(self, request: HttpRequest) -> HttpResponse:
        """The groups of one workspace; a post acts on one of them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        workspaces = self._workspaces(request)
        slug = request.GET.get("workspace", DEFAULT_WORKSPACE)
        chosen = next((w for w in workspaces if w.slug == slug), next(iter(workspaces), None))
        if request.method == "POST" and chosen is not None:
            return self._act_on_group(request, chosen)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Dead letters by failure",
            "opts": self.opts,
            "media": self.media,
            "workspaces": workspaces,
            "chosen": chosen,
            "longest_reason": MAX_REASON,
        }
        if chosen is not None:
            context |= _figures(chosen.id)
            context["may_operate"] = may(request, chosen.id, Role.OPERATOR)
        return TemplateResponse(request, "admin/dlq/deadletter/groups.html", context)

    def start_canary(
        self, request: HttpRequest, workspace_id: UUID, wanted: LetterFilter, actor: Actor
    ) -> UUID | None:
        """Begin a replay and say so, with the way to its page; None when it was refused."""
        replay = self.attempt(
            request,
            lambda: replays.start_replay(
                workspace_id=workspace_id, letter_filter=wanted, actor=actor
            ),
        )
        if replay is None:
            return None
        link = reverse("admin:dlq_replay_change", args=[replay.id])
        text = format_html('<a href="{}">The replay</a> of {} letters', link, replay.matched)
        self.message_user(request, format_html("{} has begun.", text), messages.SUCCESS)
        found: UUID = replay.id
        return found

    def _act_on_group(self, request: HttpRequest, workspace: Any) -> HttpResponse:
        actor = self.operator(request, workspace.id)
        here = reverse("admin:dlq_deadletter_groups")
        back = HttpResponseRedirect(f"{here}?{urlencode({'workspace': workspace.slug})}")
        fingerprint = request.POST.get("fingerprint", "")
        if not _FINGERPRINT.fullmatch(fingerprint):
            self.message_user(request, "Which group is not said.", messages.ERROR)
            return back
        wanted = LetterFilter(fingerprints=(fingerprint,))
        if request.POST.get("do") == "canary":
            replay = self.start_canary(request, workspace.id, wanted, actor)
            if replay is None:
                return back
            return HttpResponseRedirect(reverse("admin:dlq_replay_change", args=[replay]))
        self._discard_group(request, workspace.id, wanted, actor)
        return back

    def _discard_group(
        self, request: HttpRequest, workspace_id: UUID, wanted: LetterFilter, actor: Actor
    ) -> None:
        try:
            done = bulk.act_on_letters(
                workspace_id=workspace_id,
                action="discard",
                letter_filter=wanted,
                actor=actor,
                reason=request.POST.get("reason", ""),
            )
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        text = f"{done.changed} letters discarded."
        if done.has_more:
            text += " There are more: do it again for the rest."
        self.message_user(request, text, messages.SUCCESS)

    def _workspaces(self, request: HttpRequest) -> list[Any]:
        roles = roles_of(request)
        found = list_workspaces(None if roles is None else list(roles))
        return list(found[:_MOST_WORKSPACES])


def _figures(workspace_id: UUID) -> dict[str, Any]:
    """Figures and groups, with the widths of the bars of days."""
    with in_bounded_time():
        stats = get_letter_stats(workspace_id)
    highest = max([*stats.by_day.values(), 1])
    days = [(day, count, round(100 * count / highest)) for day, count in stats.by_day.items()]
    return {"stats": stats, "days": days, "groups": stats.groups}
