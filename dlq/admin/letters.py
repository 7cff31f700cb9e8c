"""The pages of dead letters."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from controlplane.core.errors import DomainError
from controlplane.core.jsonb import is_same_json
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import may
from controlplane.workspaces.states import Role
from dlq import services
from dlq.admin.filters import FingerprintFilter, TypeFilter
from dlq.admin.forms import DiscardForm, LetterActionForm, ReprocessForm
from dlq.admin.groups import GroupPages
from dlq.admin.letterpage import describe_letter, describe_type
from dlq.admin.pages import as_id, badge, pretty
from dlq.filters import MAX_IDS, LetterFilter
from dlq.models import DeadLetter
from dlq.states import LetterStatus

MAX_SELECTED = 10_000
_SHOWN = 110


@admin.register(DeadLetter)
class LetterAdmin(GroupPages):
    """Letters with their tracebacks. Buttons and actions call the services, as the person."""

    list_display = [
        "failure",
        "letter_status",
        "died",
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
        ("died_at", admin.DateFieldListFilter),
    ]
    list_select_related = ["workspace"]
    search_fields = ["name", "type", "error__message", "error__class"]
    search_help_text = "An id, a fingerprint, or a part of the name, the type or the error."
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    action_form = LetterActionForm
    actions = ["reprocess", "reprocess_as_canary", "discard"]
    change_form_template = "admin/dlq/deadletter/change_form.html"
    change_list_template = "admin/dlq/deadletter/change_list.html"
    fieldsets = [
        (
            None,
            {"fields": ["id", "task_id", "name", "type", "queue", "priority", "tags", "workspace"]},
        )
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        """Without what only the page of one letter shows."""
        return super().get_queryset(request).defer("attempts", "payload")

    def get_urls(self) -> list[URLPattern]:
        """With what the buttons lead to."""
        own = [
            path(
                f"<uuid:object_id>/{verb}/",
                self.admin_site.admin_view(view),
                name=f"dlq_deadletter_{verb}",
            )
            for verb, view in (("reprocess", self.reprocess_view), ("discard", self.discard_view))
        ]
        return [*own, *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DeadLetter], search_term: str
    ) -> tuple[QuerySet[DeadLetter], bool]:
        """An id or a fingerprint is looked up; anything else is searched for."""
        known = as_id(search_term)
        if known:
            return queryset.filter(id=known) | queryset.filter(task_id=known), False
        found, has_doubles = super().get_search_results(request, queryset, search_term)
        if search_term.strip():
            found |= queryset.filter(fingerprint=search_term.strip().lower())
        return found, has_doubles

    def describe(self, request: HttpRequest, letter: Any) -> dict[str, Any]:
        """The letter: what happened, every attempt, the payload, and what may be done."""
        return {
            **describe_letter(letter),
            "may_operate": may(request, letter.workspace_id, Role.OPERATOR),
            "discard_form": DiscardForm(),
            "title": f"Dead letter: {letter.name}",
            "subtitle": None,
        }

    def reprocess_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The form of a repetition."""
        letter = self.wanted(request, object_id)
        form = ReprocessForm(request.POST or None, initial={"payload": pretty(letter.payload)})

        def act(actor: Actor) -> None:
            payload = form.cleaned_data["payload"]
            done = services.reprocess_letter(
                workspace_id=letter.workspace_id,
                letter_id=letter.id,
                actor=actor,
                payload=None if is_same_json(payload, letter.payload) else payload,
                max_attempts=form.cleaned_data["max_attempts"],
            )
            said = f"The task {done.reprocessed_task_id} repeats the work."
            self.message_user(request, said, messages.SUCCESS)

        return self._form_page(request, letter, form, act, "reprocess", describe_type(letter))

    def discard_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The form of the reason."""
        letter = self.wanted(request, object_id)
        form = DiscardForm(request.POST or None)

        def act(actor: Actor) -> None:
            services.discard_letter(
                workspace_id=letter.workspace_id,
                letter_id=letter.id,
                reason=form.cleaned_data["reason"],
                actor=actor,
            )
            self.message_user(request, "The letter is discarded.", messages.SUCCESS)

        return self._form_page(request, letter, form, act, "discard", {})

    def _form_page(
        self,
        request: HttpRequest,
        letter: DeadLetter,
        form: Any,
        act: Callable[[Actor], None],
        verb: str,
        more: dict[str, Any],
    ) -> HttpResponse:
        """The form; a good one acts and leads back to the letter."""
        actor = self.operator(request, letter.workspace_id)
        back = reverse("admin:dlq_deadletter_change", args=[letter.id])
        if request.method == "POST" and form.is_valid():
            try:
                act(actor)
            except DomainError as error:
                form.refuse(error)
            else:
                return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            **more,
            "title": f"{verb.capitalize()} {letter.name}",
            "form": form,
            "original": letter,
            "back": back,
            "opts": self.opts,
            "media": self.media,
            "is_open": letter.status == LetterStatus.OPEN,
        }
        return TemplateResponse(request, f"admin/dlq/deadletter/{verb}.html", context)

    @admin.display(description="failure")
    def failure(self, letter: DeadLetter) -> str:
        """The class and the beginning of the message; without both the name."""
        error = letter.error or {}
        parts = [str(part) for part in (error.get("class"), error.get("message")) if part]
        line = " ".join(": ".join(parts).split()) or letter.name
        return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"

    @admin.display(description="attempts")
    def attempts_made(self, letter: DeadLetter) -> int:
        return letter.attempts_total

    @admin.display(description="died (UTC)")
    def died(self, letter: DeadLetter) -> str:
        return f"{letter.died_at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="status")
    def letter_status(self, letter: DeadLetter) -> str:
        return badge(letter.status, letter.get_status_display())

    @admin.action(description="Reprocess: submit the work again")
    def reprocess(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        self._act(request, queryset, "reprocess", "")

    @admin.action(description="Discard, with the reason")
    def discard(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        reason = request.POST.get("reason", "").strip()
        if not reason:
            self.message_user(request, "Give the reason beside the action.", messages.ERROR)
            return
        self._act(request, queryset, "discard", reason)

    @admin.action(description="Reprocess as a canary: 5, then 50, then the rest")
    def reprocess_as_canary(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        chosen = list(queryset.values_list("workspace_id", "id")[: MAX_IDS + 1])
        if len(chosen) > MAX_IDS:
            text = f"At most {MAX_IDS} at once; a group as a whole: on the page of groups."
            self.message_user(request, text, messages.ERROR)
            return
        for workspace_id, ids in _by_workspace(chosen):
            actor = self.operator(request, workspace_id)
            self.start_canary(request, workspace_id, LetterFilter(ids=tuple(ids)), actor)

    def _act(
        self, request: HttpRequest, letters: QuerySet[DeadLetter], action: str, reason: str
    ) -> None:
        """Do it to the selected letters, by workspace and in batches."""
        chosen = list(letters.values_list("workspace_id", "id")[: MAX_SELECTED + 1])
        batches = list(_by_workspace(chosen[:MAX_SELECTED]))
        actors = {workspace: self.operator(request, workspace) for workspace, _ in batches}
        changed = 0
        refusals: dict[str, UUID] = {}
        for workspace_id, ids in batches:
            wanted = LetterFilter(ids=tuple(ids))

            def act(workspace_id: UUID = workspace_id, wanted: LetterFilter = wanted) -> Any:
                return services.act_on_letters(
                    workspace_id=workspace_id,
                    action=action,
                    wanted=wanted,
                    actor=actors[workspace_id],
                    reason=reason,
                )

            done = self.attempt(request, act)
            if done is not None:
                changed += done.changed
                refusals |= done.refusals
        self._tell(request, len(chosen), changed, action, list(refusals))

    def _tell(
        self, request: HttpRequest, chosen: int, changed: int, action: str, refusals: Sequence[str]
    ) -> None:
        asked = min(chosen, MAX_SELECTED)
        done = {"reprocess": "reprocessed", "discard": "discarded"}[action]
        level = messages.SUCCESS if changed == asked else messages.WARNING
        self.message_user(request, f"{changed} of {asked} letters {done}.", level)
        for reason in refusals[:5]:
            self.message_user(request, reason, messages.WARNING)
        if chosen > MAX_SELECTED:
            text = f"At most {MAX_SELECTED} at once; use POST /dlq/actions for the rest."
            self.message_user(request, text, messages.WARNING)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing of a letter is edited."""
        return False


def _by_workspace(chosen: Sequence[tuple[UUID, UUID]]) -> Iterator[tuple[UUID, list[UUID]]]:
    ids: dict[UUID, list[UUID]] = defaultdict(list)
    for workspace_id, letter_id in chosen:
        ids[workspace_id].append(letter_id)
    for workspace_id, own in ids.items():
        for start in range(0, len(own), MAX_IDS):
            yield workspace_id, own[start : start + MAX_IDS]
