"""The questions before a group is muted, discarded or reprocessed: pages with the count, the first
ten letters and the consequence."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.core.admin.actions import level_of
from controlplane.core.admin.pages import RowPageAdmin
from controlplane.core.admin.undo import offer_undo, own_address
from controlplane.core.formatting import format_count
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminpages import WorkspacePages, bulk_address
from dlq.admin.inboxforms import DiscardGroupForm, MuteForm, ReprocessGroupForm
from dlq.bulk import act_on_letters
from dlq.groupletters import (
    LettersShown,
    check_letters,
    letters_of,
    preview_letters,
    show_letters,
)
from dlq.groups import Decision, decide
from dlq.models import LetterGroup
from dlq.replays import DEFAULT_STAGES, start_replay
from dlq.undo import KIND, decide_with_undo

# Letters that a request discards, at a few thousand per second. For more there is a bulk operation,
# with its progress.
MAX_DISCARDED_AT_ONCE = 5_000


class GroupQuestions(WorkspacePages, RowPageAdmin):
    """Pages of groups that ask before they act."""

    def mute_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """When the mute shall end."""
        group, actor = self.operated(request, object_id)
        form = MuteForm(request.POST or None)

        def submit() -> str:
            _, undone = decide_with_undo(
                workspace_id=group.workspace_id,
                group_id=group.id,
                decision=form.decision,
                actor=actor,
                seen_version=seen_version(request),
            )
            offer_undo(request, KIND, undone, f"Muted: {isolated_text(group)}.")
            return self.back(request, group).url

        return self._question(
            request,
            group,
            form,
            submit,
            show_letters(group),
            title=f"Mute {isolated_text(group)}?",
            button="Mute",
            consequence="Nobody is reminded of it until the mute ends. Its letters stay open.",
        )

    def discard_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Close all open letters of the group without their work."""
        group, actor = self.operated(request, object_id)
        form = DiscardGroupForm(request.POST or None)
        shown = preview_letters(group, "discard", actor)
        if shown.count > MAX_DISCARDED_AT_ONCE:
            return HttpResponseRedirect(_discard_url(group))

        def submit() -> str:
            check_letters(group, "discard", actor, request.POST.get("token", ""))
            result = act_on_letters(
                workspace_id=group.workspace_id,
                action="discard",
                letter_filter=letters_of(group),
                actor=actor,
                reason=form.cleaned_data["reason"],
            )
            of = "" if result.changed == result.matched else f"{result.changed:,} of "
            text = f"{of}{format_count(result.matched, 'letter')} discarded."
            level = level_of(result.changed, result.matched, has_more=result.has_more)
            self.message_user(request, text, level)
            return self.back(request, group).url

        counted = format_count(shown.count, "letter")
        return self._question(
            request,
            group,
            form,
            submit,
            shown,
            title=f"Discard {counted} of {isolated_text(group)}?",
            button=f"Discard {counted}",
            consequence=f"The work of {counted} is not done. Discarding is final.",
            is_harm=True,
            asks=True,
        )

    def reprocess_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Submit the work of all open letters again, with or without a canary."""
        group, actor = self.operated(request, object_id)
        shown = preview_letters(group, "reprocess", actor)
        form = ReprocessGroupForm(request.POST or None, letters=shown.count)

        def submit() -> str:
            values = form.cleaned_data
            with transaction.atomic():  # without the note, no replay
                replay = start_replay(
                    workspace_id=group.workspace_id,
                    letter_filter=letters_of(group),
                    actor=actor,
                    rate_per_second=values["rate"],
                    stages=DEFAULT_STAGES if values["how"] == "canary" else (),
                    confirm=lambda: check_letters(
                        group, "reprocess", actor, request.POST.get("token", "")
                    ),
                )
                if values["reason"]:
                    decide(
                        workspace_id=group.workspace_id,
                        group_id=group.id,
                        decision=Decision(note=values["reason"]),
                        actor=actor,
                    )
            counted = format_count(replay.matched, "letter")
            self.message_user(request, f"The replay of {counted} has started.", messages.SUCCESS)
            return self.back(request, group).url

        counted = format_count(shown.count, "task")
        return self._question(
            request,
            group,
            form,
            submit,
            shown,
            title=f"Reprocess {format_count(shown.count, 'letter')} of {isolated_text(group)}?",
            button="Reprocess",
            consequence=f"{counted} that failed will run again.",
            asks=True,
        )

    def _question(
        self,
        request: HttpRequest,
        group: LetterGroup,
        form: Any,
        submit: Callable[[], str],
        shown: LettersShown,
        **context: Any,
    ) -> HttpResponse:
        """A page that asks, with the count, the first ten letters and the consequence."""
        return self.form_page(
            request,
            form,
            submit,
            template="dlq/question.html",
            original=group,
            count=shown.count,
            members=shown.names,
            not_shown=max(0, shown.count - len(shown.names)),
            token=shown.token,
            version=request.POST.get("version") or request.GET.get("version") or group.version,
            next=own_address(request),
            **context,
        )

    def operated(self, request: HttpRequest, object_id: UUID) -> tuple[LetterGroup, Actor]:
        group: LetterGroup = self.get_row(request, object_id)
        return group, self.require_operator(request, group.workspace_id)

    def back(self, request: HttpRequest, group: LetterGroup) -> HttpResponseRedirect:
        return HttpResponseRedirect(own_address(request) or self.row_url(group.pk))


def _discard_url(group: LetterGroup) -> str:
    """The page that asks before a bulk operation discards all open letters of the group."""
    values = [("action", "discard"), ("filter", json.dumps(letters_of(group).to_json()))]
    return bulk_address("dead-letters", group.workspace.slug, values)


def seen_version(request: HttpRequest) -> int | None:
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
