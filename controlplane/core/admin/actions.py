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
from controlplane.core.admin.forms import ServiceForm
from controlplane.core.errors import DomainError
from controlplane.core.formatting import format_count

MAX_SELECTED = 10_000
CONFIRMED = "post"  # as in Django's own confirmation of a deletion
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
    """The page that asks before a button acts on a row; it sends again what was sent."""
    sent = ((name, value) for name, values in request.POST.lists() for value in values)
    page: HttpResponse = pages.render(
        request,
        "admin/confirm_action.html",
        title=question.title,
        button=question.button,
        warning=question.text,
        original=row,
        hidden=[pair for pair in sent if pair[0] != "csrfmiddlewaretoken"],
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
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An action of a ModelAdmin that first shows how many rows are selected and asks for
    confirmation; `warning` may be made of those rows. With a form it also asks for values: the
    method's third argument is then the valid form."""

    def decorate(act: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(act)
        def action(self: Any, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
            is_sure = is_confirmed(request)
            form = form_class(request.POST if is_sure else None) if form_class else None
            if is_sure and (form is None or form.is_valid()):
                return act(self, request, queryset, *([form] if form else []))
            question = warning if isinstance(warning, str) else warning(queryset)
            return _ask_about_rows(
                self, request, queryset, button=button, warning=question, form=form
            )

        return admin.action(description=text, permissions=permissions)(action)

    return decorate


def _ask_about_rows(
    pages: Any, request: HttpRequest, rows: QuerySet[Any], *, button: str, warning: str, form: Any
) -> HttpResponse:
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    is_everything = request.POST.get("select_across") == "1"
    count = pages.get_paginator(request, rows, 1).count if is_everything else rows.count()
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


def report(
    pages: Any, request: HttpRequest, result: BulkResult, done: str, *, rest: str = ""
) -> None:
    """Show the result of an action; `rest` explains how to reach the rows beyond the limit."""
    level = messages.SUCCESS if result.changed == result.selected else messages.WARNING
    if not result.changed:
        level = messages.ERROR
    names = pages.opts.verbose_name, pages.opts.verbose_name_plural
    counted = format_count(result.selected, *names)
    pages.message_user(request, f"{result.changed:,} of {counted} {done}.", level)
    for reason in list(result.refusals)[:_MAX_REASONS]:
        pages.message_user(request, reason, messages.WARNING)
    if result.limit is not None:
        text = f"An action takes at most {result.limit:,} rows. {rest}".strip()
        pages.message_user(request, text, messages.WARNING)
