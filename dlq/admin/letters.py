"""The pages of dead letters."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict

from controlplane.core.admin.actions import confirmed_action, split_by_workspace
from controlplane.core.admin.display import badge, time_column
from controlplane.core.formatting import format_count, format_json, shorten
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.jsonb import is_same_json
from controlplane.core.schema import represent_value
from controlplane.core.schema.filters import conditions
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import is_allowed, roles_of
from controlplane.workspaces.states import Role
from dlq.admin.groups import GroupPages
from dlq.admin.letterpage import DiscardForm, ReprocessForm, describe_letter, describe_type
from dlq.admin.questions import next_address
from dlq.bulk import act_on_letters
from dlq.discard import discard_letter
from dlq.filters import MAX_IDS, LetterFilter
from dlq.models import DeadLetter
from dlq.reprocess import reprocess_letter
from dlq.states import LetterStatus

_NEWEST = 10_000
_MAX_TYPES = 100


class TypeFilter(admin.SimpleListFilter):
    """By type. It lists the types of the newest letters, since no index lists all."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        letters = DeadLetter.objects.all()
        roles = roles_of(request)
        if roles is not None:
            letters = letters.filter(workspace_id__in=list(roles))
        newest = letters.order_by("-id").values("id")[:_NEWEST]
        types = DeadLetter.objects.filter(id__in=newest).order_by("type")
        return [(t, t) for t in types.values_list("type", flat=True).distinct()[:_MAX_TYPES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _filter_by(queryset, "type", self.value())


class FingerprintFilter(admin.SimpleListFilter):
    """By failure. Shown only after a link has selected one."""

    title = "failure (fingerprint)"
    parameter_name = "fingerprint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(self.parameter_name, "")
        return [(chosen, chosen)] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _filter_by(queryset, "fingerprint", self.value())


def _filter_by(letters: QuerySet[Any], column: str, value: str | None) -> QuerySet[Any]:
    if value is None:
        return letters
    # Postgres refuses NUL, even in a comparison.
    return letters.none() if "\x00" in value else letters.filter(**{column: value})


_MAX_FAILURE = 110
# The parameters of the list, by the name of the same condition of the API.
_CONDITIONS = {
    "q": "search",
    "status__exact": "status",
    "category__exact": "category",
    "died_at__gte": "since",
    "died_at__lt": "until",
}


def _read_wanted(params: QueryDict) -> dict[str, Any] | None:
    """The list's filters as those of the API; None if one of them has no such condition."""
    wanted = {_CONDITIONS.get(name, name): value for name, value in params.items() if value}
    wanted.pop("workspace", None)
    return wanted if set(wanted) <= set(conditions(LetterFilter)) else None


@admin.register(DeadLetter)
class LetterAdmin(GroupPages):
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
        ("died_at", admin.DateFieldListFilter),
    ]
    list_select_related = ["workspace"]
    search_fields = ["name", "type", "error__message", "error__class"]
    id_fields = ("id", "task_id")
    search_help_text = "An ID, a fingerprint, or part of the name, the type or the error."
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    actions = ["reprocess", "reprocess_as_canary", "discard", "bulk"]
    change_form_template = "admin/dlq/deadletter/change_form.html"
    fieldsets = [
        (
            None,
            {"fields": ["id", "task_id", "name", "type", "queue", "priority", "tags", "workspace"]},
        )
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        """Without the columns that only the page of a letter shows."""
        return super().get_queryset(request).defer("attempts", "payload")

    def extra_pages(self) -> list[Any]:
        return [
            *super().extra_pages(),
            ("groups/", self.groups_view, "groups"),
            ("<uuid:object_id>/reprocess/", self.reprocess_view, "reprocess"),
            ("<uuid:object_id>/discard/", self.discard_view, "discard"),
        ]

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
            return next_address(request) or self.row_url(letter.pk)

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

    @admin.action(description="Reprocess: submit the work again")
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

    @admin.action(description="Reprocess as a canary: 5, then 50, then the rest")
    def reprocess_as_canary(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        pairs = list(queryset.values_list("workspace_id", "id")[: MAX_IDS + 1])
        if len(pairs) > MAX_IDS:
            text = (
                f"Select at most {format_count(MAX_IDS, 'letter')}. "
                "The page of groups reprocesses a whole group."
            )
            self.message_user(request, text, messages.ERROR)
            return
        for workspace_id, ids in split_by_workspace(pairs, MAX_IDS):
            actor = self.require_operator(request, workspace_id)
            self.start_canary(request, workspace_id, LetterFilter(ids=tuple(ids)), actor)

    @admin.action(description="Bulk operation…")
    def bulk(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> HttpResponse:
        """On the selected letters, or on all that match the list's filters, however many."""
        is_all = request.POST.get("select_across") == "1"
        wanted = _read_wanted(request.GET) if is_all else None
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
