"""Actions on the selected rows of a list: those that end something ask for confirmation, and all
report their result in the same way."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from controlplane.core.admin.display import Question
from controlplane.core.admin.forms import ReasonForm, ServiceForm, reason_field
from controlplane.core.admin.undo import offer_undo
from controlplane.core.errors import DomainError
from controlplane.core.formatting import format_count, format_number
from controlplane.core.requests import WITHOUT_REASON, needs_reason

MAX_SELECTED = 10_000
# A change of more rows is not undone by a button: a bulk operation can be undone at any size.
MAX_UNDONE = 1_000
THIS_PAGE = "_this_page"  # sent by a button on the page of a row
CONFIRMED = "post"  # as in Django's own confirmation of a deletion
_MATCHED = "matched"  # how many rows the question about all that match was for
_ESTIMATED = "many"
_MAX_SHOWN = 10
_MAX_REASONS = 5


@dataclass
class BulkResult:
    """The result of an action. `refusals` are the distinct reasons. If `limit` is set, more rows
    than that were selected."""

    selected: int = 0
    changed: int = 0
    refusals: dict[str, None] = field(default_factory=dict)
    limit: int | None = None


def is_confirmed(request: HttpRequest) -> bool:
    """Whether a person has answered the question."""
    return request.method == "POST" and CONFIRMED in request.POST


def ask(pages: Any, request: HttpRequest, row: Any, question: Question) -> HttpResponse:
    """The page that asks before a button acts on a row, and for a reason; it sends again what was
    sent."""
    form = ReasonForm(needed=False)
    again = {"csrfmiddlewaretoken", "reason"}
    sent = ((name, value) for name, values in request.POST.lists() for value in values)
    page: HttpResponse = pages.render(
        request,
        "admin/confirm_action.html",
        title=question.title,
        button=question.button,
        warning=question.text,
        original=row,
        form=form,
        hidden=[pair for pair in sent if pair[0] not in again],
        confirmed=CONFIRMED,
    )
    return page


def confirmed_action(
    text: str,
    *,
    button: str,
    warning: str | Callable[[QuerySet[Any]], str] = "",
    form_class: type[ServiceForm] | None = None,
    permissions: Sequence[str] | None = None,
    is_undoable: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An action of a ModelAdmin that first shows how many rows are selected and the first ten, and
    asks for a reason; `warning` may be made of those rows. With a form it also asks for values: the
    method's third argument is then the valid form. What is undoable asks only for values, or if it
    is for many rows.
    """

    def decorate(act: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(act)
        def action(self: Any, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
            count, matched = _count_chosen(self, request, queryset)
            is_many = count > WITHOUT_REASON
            if is_undoable and form_class is None and not is_many:
                return act(self, request, queryset)
            is_sure = is_confirmed(request)
            form = (form_class or ServiceForm)(request.POST if is_sure else None)
            is_needed = needs_reason(count, is_undoable=is_undoable)
            own = form.fields.setdefault("reason", reason_field(required=is_needed))
            own.initial = request.POST.get("reason", "")
            if is_sure and form.is_valid():
                if request.POST.get(_MATCHED, matched) == matched:
                    return act(self, request, queryset, *([form] if form_class else []))
                about = "about " if matched == _ESTIMATED else ""
                text = f"The number that matches has changed to {about}{format_number(count)}."
                form.add_error(None, f"{text} Nothing was done: look again.")
            question = warning if isinstance(warning, str) else warning(queryset)
            return _ask_about_rows(
                self, request, queryset, count, matched, button=button, warning=question, form=form
            )

        return admin.action(description=text, permissions=permissions)(action)

    return decorate


def _count_chosen(pages: Any, request: HttpRequest, rows: QuerySet[Any]) -> tuple[int, str]:
    """How many rows are chosen; for all that match also what the answer is compared with: an
    estimate changes by itself."""
    if request.POST.get("select_across") != "1":
        return rows.count(), ""
    found = pages.get_paginator(request, rows, 1)
    return int(found.count), _ESTIMATED if found.is_estimate else str(found.count)


def _ask_about_rows(
    pages: Any,
    request: HttpRequest,
    rows: QuerySet[Any],
    count: int,
    matched: str,
    *,
    button: str,
    warning: str,
    form: Any,
) -> HttpResponse:
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    is_everything = request.POST.get("select_across") == "1"
    what = (
        f"{button} {format_count(count, pages.opts.verbose_name, pages.opts.verbose_name_plural)}"
    )
    page: HttpResponse = pages.render(
        request,
        "admin/confirm_action.html",
        title=f"{what}?",
        button=what,
        warning=warning,
        form=form,
        hidden=[
            ("action", request.POST["action"]),
            ("index", "0"),
            ("select_across", str(int(is_everything))),
            *([(_MATCHED, matched)] if is_everything else []),
            *((name, "1") for name in (THIS_PAGE,) if name in request.POST),
            *((ACTION_CHECKBOX_NAME, pk) for pk in (chosen[:1] if is_everything else chosen)),
        ],
        confirmed=CONFIRMED,
        shown=list(rows[:_MAX_SHOWN]),
        not_shown=max(0, count - _MAX_SHOWN),
        back=request.get_full_path(),
    )
    return page


def act_on_each(
    rows: Iterable[Any], act: Callable[[Any], Any], *, name: Callable[[Any], str] | None = None
) -> BulkResult:
    """Apply it to each row; a refusal does not stop the others. A row's refusal begins with
    `name`."""
    result = BulkResult()
    for row in rows:
        result.selected += 1
        try:
            act(row)
        except DomainError as error:
            result.refusals[f"{name(row)}: {error}" if name else str(error)] = None
        else:
            result.changed += 1
    return result


def split_by_workspace(
    pairs: Sequence[tuple[UUID, UUID]], size: int
) -> Iterator[tuple[UUID, list[UUID]]]:
    """Pairs of a workspace's and a row's id, as lists of the rows of one workspace."""
    by_workspace: dict[UUID, list[UUID]] = defaultdict(list)
    for workspace_id, row_id in pairs:
        by_workspace[workspace_id].append(row_id)
    for workspace_id, ids in by_workspace.items():
        for start in range(0, len(ids), size):
            yield workspace_id, ids[start : start + size]


def level_of(changed: int, selected: int, *, has_more: bool = False) -> int:
    """The level of a message about selected rows: green only if all were changed. `has_more`: there
    were others, which were left out."""
    if not changed:
        return messages.ERROR
    return messages.SUCCESS if changed == selected and not has_more else messages.WARNING


def report(
    pages: Any,
    request: HttpRequest,
    result: BulkResult,
    done: str,
    *,
    rest: str = "",
    undo: tuple[str, dict[str, Any]] | None = None,
) -> None:
    """Show the result of an action; `rest` explains how to reach the rows beyond the limit; `undo`
    is the kind and what it needs to change them back."""
    level = level_of(result.changed, result.selected, has_more=result.limit is not None)
    names = pages.opts.verbose_name, pages.opts.verbose_name_plural
    text = f"{result.changed:,} of {format_count(result.selected, *names)} {done}."
    if undo is not None and 0 < result.changed <= MAX_UNDONE:
        offer_undo(request, *undo, text, level=level)
    else:
        pages.message_user(request, text, level)
    for reason in list(result.refusals)[:_MAX_REASONS]:
        pages.message_user(request, reason, messages.WARNING)
    if result.limit is not None:
        text = f"An action takes at most {result.limit:,} rows. {rest}".strip()
        pages.message_user(request, text, messages.WARNING)
