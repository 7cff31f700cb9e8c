"""The pages of dead letters."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from controlplane.core.admin.actions import confirmed_action, split_by_workspace
from controlplane.core.admin.display import badge, time_column
from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.core.admin.undo import own_address
from controlplane.core.errors import DomainError
from controlplane.core.formatting import format_count, format_json, shorten
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.jsonb import is_same_json
from controlplane.core.schema import represent_value
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import is_allowed
from controlplane.workspaces.adminpages import WorkspaceFilter, WorkspacePages
from controlplane.workspaces.states import Role
from dlq.admin.letterfigures import describe_figures
from dlq.admin.letterfilters import (
    FingerprintFilter,
    NodeFilter,
    ReleaseFilter,
    SinceFilter,
    TypeFilter,
    VersionFilter,
    read_wanted,
)
from dlq.admin.letterpage import DiscardForm, ReprocessForm, describe_letter, describe_type
from dlq.bulk import act_on_letters
from dlq.discard import discard_letter
from dlq.filters import MAX_IDS, LetterFilter
from dlq.models import DeadLetter
from dlq.replays import start_replay
from dlq.reprocess import reprocess_letter
from dlq.states import LetterStatus
from tasks_app.admin.typecolumn import type_column

_MAX_FAILURE = 110


@admin.register(DeadLetter)
class LetterAdmin(WorkspacePages, ReadOnlyAdmin):
    """Letters with their tracebacks. Buttons and actions call the services as the person."""

    exported = "dead-letters"
    list_display = [
        "failure",
        "letter_status",
        time_column("died_at"),
        "category",
        "type",
        "attempts_made",
        "workspace",
    ]
    list_filter = [
        "status",
        "category",
        TypeFilter,
        FingerprintFilter,
        NodeFilter,
        ReleaseFilter,
        VersionFilter,
        SinceFilter,
        WorkspaceFilter,
    ]
    list_select_related = ["workspace"]
    search_fields = ["name", "type", "error__message", "error__class"]
    id_fields = ("id", "task_id")
    search_help_text = "An ID, a fingerprint, or part of the name, the type or the error."
    ordering = ["-died_at"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    actions = ["reprocess", "reprocess_as_canary", "discard", "bulk"]
    change_list_template = "dlq/letters.html"
    change_form_template = "admin/dlq/deadletter/change_form.html"
    fieldsets = [
        (
            None,
            {"fields": ["id", "task_id", "name", "type", "queue", "priority", "tags", "workspace"]},
        )
    ]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The type with what is declared of it."""
        return [type_column() if name == "type" else name for name in self.list_display]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        """Without the columns that only the page of a letter shows."""
        return super().get_queryset(request).defer("attempts", "payload")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list below the figures of the workspaces that it shows."""
        figures = {} if request.method == "POST" else describe_figures(request, self)
        return super().changelist_view(request, {**(extra_context or {}), **figures})

    def extra_pages(self) -> list[Any]:
        return [
            ("groups/", self.old_groups_view, "groups"),
            ("<uuid:object_id>/reprocess/", self.reprocess_view, "reprocess"),
            ("<uuid:object_id>/discard/", self.discard_view, "discard"),
        ]

    def old_groups_view(self, request: HttpRequest) -> HttpResponse:
        """The address of a page that the inbox has replaced."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        slug = request.GET.get("workspace", "")
        query = f"?{urlencode({'workspace': slug})}" if slug else ""
        inbox = reverse("admin:dlq_lettergroup_changelist")
        return HttpResponseRedirect(f"{inbox}{query}")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DeadLetter], search_term: str
    ) -> tuple[QuerySet[DeadLetter], bool]:
        """Includes the letters of a fingerprint."""
        letters, has_doubles = super().get_search_results(request, queryset, search_term)
        if search_term.strip() and not parse_uuid_or_none(search_term):
            letters |= queryset.filter(fingerprint=search_term.strip().lower())
        return letters, has_doubles

    def describe(self, request: HttpRequest, letter: Any) -> dict[str, Any]:
        """The letter: its failure, every attempt, the payload, and the possible actions."""
        return {
            **describe_letter(letter),
            "may_operate": is_allowed(request, Role.OPERATOR, letter.workspace_id),
            "discard_form": DiscardForm(),
            "title": f"Dead letter: {isolated_text(letter.name)}",
            "heading": f"Dead letter: {isolated_text(letter.name)}",
            "subtitle": None,
        }

    def reprocess_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The form with the payload of the new task."""
        letter = self.get_row(request, object_id)
        actor = self.require_operator(request, letter.workspace_id)
        original = represent_value("payload", letter.payload, None)
        form = ReprocessForm(request.POST or None, initial={"payload": format_json(original)})
        if letter.workflow_run_id:  # the definition says how many attempts a step has
            del form.fields["max_attempts"]

        def submit() -> str:
            payload = form.cleaned_data["payload"]
            result = reprocess_letter(
                workspace_id=letter.workspace_id,
                letter_id=letter.id,
                actor=actor,
                payload=None if is_same_json(payload, original) else payload,
                max_attempts=form.cleaned_data.get("max_attempts"),
            )
            text = f"The task {result.reprocessed_task_id} does the work again."
            self.message_user(request, text, messages.SUCCESS)
            return own_address(request) or self.row_url(letter.pk)

        return self._letter_form(
            request,
            letter,
            form,
            submit,
            title="Reprocess",
            button="Reprocess",
            sections=describe_type(letter),
        )

    def discard_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        letter = self.get_row(request, object_id)
        actor = self.require_operator(request, letter.workspace_id)
        form = DiscardForm(request.POST or None)

        def submit() -> str:
            discard_letter(
                workspace_id=letter.workspace_id,
                letter_id=letter.id,
                reason=form.cleaned_data["reason"],
                actor=actor,
            )
            self.message_user(request, "The letter was discarded.", messages.SUCCESS)
            return self.row_url(letter.pk)

        return self._letter_form(
            request,
            letter,
            form,
            submit,
            title="Discard the letter?",
            button="Discard the letter",
            asks=True,
        )

    def _letter_form(
        self,
        request: HttpRequest,
        letter: DeadLetter,
        form: Any,
        submit: Callable[[], str],
        **context: Any,
    ) -> HttpResponse:
        is_open = letter.status == LetterStatus.OPEN
        warning = "" if is_open else "This letter is no longer open."
        return self.form_page(request, form, submit, original=letter, warning=warning, **context)

    @admin.display(description="failure")
    def failure(self, letter: DeadLetter) -> str:
        """The class and the beginning of the message; the name if there is neither."""
        error = represent_value("error", letter.error, None) or {}
        parts = [str(part) for part in (error.get("class"), error.get("message")) if part]
        line = " ".join(": ".join(parts).split()) or letter.name
        return shorten(line, _MAX_FAILURE)

    @admin.display(description="attempts")
    def attempts_made(self, letter: DeadLetter) -> int:
        return letter.attempts_total

    @admin.display(description="status")
    def letter_status(self, letter: DeadLetter) -> str:
        return badge(letter.status, letter.get_status_display())

    @confirmed_action(
        "Reprocess: submit the work again",
        button="Reprocess",
        warning="Their work is submitted again as new tasks; runs of workflows are retried.",
    )
    def reprocess(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        self._act(request, queryset, "reprocess", "")

    @confirmed_action(
        "Discard, with a reason",
        button="Discard",
        warning="Discarded letters are closed for good; their work is not done.",
        form_class=DiscardForm,
    )
    def discard(
        self, request: HttpRequest, queryset: QuerySet[DeadLetter], form: DiscardForm
    ) -> None:
        self._act(request, queryset, "discard", form.cleaned_data["reason"])

    @confirmed_action(
        "Reprocess as a canary: 5, then 50, then the rest",
        button="Reprocess as a canary",
        warning="Their work is submitted again as new tasks: 5, then 50, then the rest. It stops "
        "when more than a fifth of a stage fails again.",
    )
    def reprocess_as_canary(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        pairs = list(queryset.values_list("workspace_id", "id")[: MAX_IDS + 1])
        if len(pairs) > MAX_IDS:
            text = (
                f"Select at most {format_count(MAX_IDS, 'letter')}. "
                "The inbox reprocesses a whole group."
            )
            self.message_user(request, text, messages.ERROR)
            return
        for workspace_id, ids in split_by_workspace(pairs, MAX_IDS):
            actor = self.require_operator(request, workspace_id)
            self._start_canary(request, workspace_id, LetterFilter(ids=tuple(ids)), actor)

    def _start_canary(
        self, request: HttpRequest, workspace_id: UUID, letter_filter: LetterFilter, actor: Actor
    ) -> None:
        """Start a replay, and show a message with a link to it, or why a service refused."""
        try:
            replay = start_replay(
                workspace_id=workspace_id, letter_filter=letter_filter, actor=actor
            )
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        url = reverse("admin:dlq_replay_change", args=[replay.id])
        counted = format_count(replay.matched, "letter")
        text = format_html('<a href="{}">The replay</a> of {} has started.', url, counted)
        self.message_user(request, text, messages.SUCCESS)

    @admin.action(description="Bulk operation…")
    def bulk(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> HttpResponse:
        """On the selected letters, or on all that match the list's filters, however many."""
        is_all = request.POST.get("select_across") == "1"
        wanted = read_wanted(request.GET) if is_all else None
        return self.to_bulk_operation(request, queryset, "dead-letters", wanted=wanted)

    def _act(
        self, request: HttpRequest, letters: QuerySet[DeadLetter], action: str, reason: str
    ) -> None:
        def act(workspace_id: UUID, ids: list[UUID], actor: Actor) -> tuple[int, Iterable[str]]:
            result = act_on_letters(
                workspace_id=workspace_id,
                action=action,
                letter_filter=LetterFilter(ids=tuple(ids)),
                actor=actor,
                reason=reason,
            )
            return result.changed, result.refusals

        done = {"reprocess": "reprocessed", "discard": "discarded"}[action]
        rest = "Use POST /dlq/actions for the rest."
        self.act_on_batches(request, letters, act, done, size=MAX_IDS, rest=rest)
