"""What the page of one letter shows, and its forms."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join

from controlplane.core.admin.display import Section, Summary, badge, folded, link, show_json
from controlplane.core.admin.forms import JsonField, ServiceForm, reason_field
from controlplane.core.formatting import (
    format_count,
    format_elapsed,
    format_state,
    format_time,
    shorten,
)
from controlplane.core.schema import represent_value
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.queries import list_events_of
from dlq.discard import MAX_REASON
from dlq.filters import LetterFilter
from dlq.models import DeadLetter
from dlq.queries import count_letters, get_chain
from dlq.states import LetterStatus
from tasks_app.processors import registry
from tasks_app.processors.registry import MAX_ATTEMPTS, UnknownType
from tasks_app.queries import get_states, in_bounded_time
from tasks_app.states import ErrorCategory

_LETTER_PAGE, _TASK_PAGE = "dlq_deadletter", "tasks_app_task"
_CAUSES = {
    ErrorCategory.TIMEOUT: "it exceeded its time limit",
    ErrorCategory.VALIDATION: "its input was not valid",
    ErrorCategory.DEPENDENCY: "something that it depends on failed",
    ErrorCategory.NETWORK: "the network or another service failed",
    ErrorCategory.RESOURCE: "memory, disk space or another resource was used up",
    ErrorCategory.WORKER_LOST: "its worker process ended while it ran, repeatedly",
    ErrorCategory.CANCELLED_BY_PARENT: "a task that it depends on did not complete",
    ErrorCategory.CODE: "its code failed",
    ErrorCategory.UNKNOWN: "it failed",
}
_MAX_ALIKE = 1_000


def describe_letter(letter: DeadLetter) -> dict[str, Any]:
    return {
        "summary": Summary(
            badge=format_html(
                '{} <span class="quiet">{}</span>',
                badge(letter.status, letter.get_status_display()),
                letter.get_category_display(),
            ),
            lead=_describe_death(letter),
            lines=[
                _describe_error(represent_value("error", letter.error, None)),
                _describe_resolution(letter),
                *_describe_edit(letter),
            ],
            links=_links(letter),
        ),
        "is_open": letter.status == LetterStatus.OPEN,
        "sections": [
            Section(f"Attempts ({letter.attempts_total})", _attempts(letter)),
            Section(
                "Original payload", show_json(represent_value("payload", letter.payload, None))
            ),
        ],
    }


def describe_type(letter: DeadLetter) -> list[Section]:
    """Beside the form: the schema of the payload, and the failure."""
    try:
        processor = registry.get(letter.type)
    except UnknownType as error:
        content = f"{error} The work cannot be done here."
    else:
        schema = show_json(dict(processor.payload_schema))
        content = format_html("<p>{}</p>{}", processor.description, schema)
    return [
        Section(f"Payload of {isolated_text(letter.type)}", content),
        Section("Why it failed", _describe_error(represent_value("error", letter.error, None))),
    ]


def _describe_death(letter: DeadLetter) -> str:
    cause = _CAUSES.get(ErrorCategory(letter.category), _CAUSES[ErrorCategory.UNKNOWN])
    if letter.attempts_total:
        after = f"after {format_count(letter.attempts_total, 'attempt')}"
    else:
        after = "before it ever started"
    name, when = isolated_text(letter.name), format_time(letter.died_at)
    return f"The task {name} died at {when} {after}: {cause}."


def _describe_resolution(letter: DeadLetter) -> str:
    by = f" by {isolated_text(letter.resolved_by)}" if letter.resolved_by else ""
    when = format_time(letter.resolved_at)
    if letter.status == LetterStatus.REPROCESSED:
        return f"Reprocessed at {when}{by}: a new task does the work."
    if letter.status == LetterStatus.DISCARDED:
        return f"Discarded at {when}{by}: {isolated_text(letter.discard_reason)}"
    return "Open: nobody has resolved it yet."


def _describe_edit(letter: DeadLetter) -> list[str]:
    """What was edited of the payload before it was reprocessed, from the audit log."""
    if letter.status != LetterStatus.REPROCESSED:
        return []
    events = list_events_of(letter.workspace_id, "dead-letter", str(letter.id))
    event = events.filter(action="dlq.reprocess").order_by("-id").first()
    detail = {} if event is None else event.detail
    edit = detail.get("payload") or (detail.get("payloads") or {}).get(str(letter.id))
    if not edit:
        return []
    found = [
        *(f"{path}: {old} → {new}" for path, (old, new) in edit["changed"].items()),
        *(f"{path}: {value} added" for path, value in edit["added"].items()),
        *(f"{path}: {value} removed" for path, value in edit["removed"].items()),
        *([f"and {format_count(edit['leftOut'], 'more field')}"] if edit["leftOut"] else []),
    ]
    words = isolated_text("; ".join(found)) if found else "no field"
    return [f"Edited: {words}."]


def _describe_error(error: Mapping[str, Any] | None) -> str:
    error = error or {}
    message = f": {isolated_text(error['message'])}" if error.get("message") else ""
    return format_html("<strong>{}</strong>{}", error.get("class", ""), message)


def _links(letter: DeadLetter) -> list[str]:
    chain, states = get_chain(letter), _get_states(letter)
    links = []
    for task_id, text in (
        (letter.task_id, "Failed task"),
        (letter.reprocessed_task_id, "New task"),
    ):
        if task_id is None:
            continue
        state = states.get(task_id)
        shown = f"{text} (now {format_state(state)})" if state else ""
        links.append(link(_TASK_PAGE, task_id, shown) if state else f"{text}: no longer stored")
    if letter.workflow_run_id:
        run = link("workflows_workflowrun", letter.workflow_run_id, "workflow run")
        links.append(format_html("Step {} of a {}", isolated_text(letter.step_key), run))
    links.append(
        format_html(
            '<a href="{}?fingerprint={}">Letters with the same failure</a> ({} open)',
            reverse("admin:dlq_deadletter_changelist"),
            letter.fingerprint,
            _count_alike(letter),
        )
    )
    if chain.previous:
        text = f"Previous letter of this work ({format_time(chain.previous.died_at)})"
        links.append(link(_LETTER_PAGE, chain.previous.pk, text))
    for after in chain.next:
        status = after.get_status_display().lower()
        text = f"Failed again ({format_time(after.died_at)}, {status})"
        links.append(link(_LETTER_PAGE, after.pk, text))
    return links


def _count_alike(letter: DeadLetter) -> str:
    alike = LetterFilter(fingerprints=(letter.fingerprint,), statuses=(LetterStatus.OPEN.value,))
    with in_bounded_time():
        total = count_letters(letter.workspace_id, alike, limit=_MAX_ALIKE + 1)
    return f"{_MAX_ALIKE}+" if total > _MAX_ALIKE else str(total)


def _get_states(letter: DeadLetter) -> Mapping[UUID, str]:
    """The states of the failed task and of the new one, without those that were removed."""
    ids = [letter.task_id]
    if letter.reprocessed_task_id:
        ids.append(letter.reprocessed_task_id)
    return get_states(letter.workspace_id, ids)


def _attempts(letter: DeadLetter) -> str:
    last = len(letter.attempts) - 1
    shown = [_attempt(kept, is_open=n == last) for n, kept in enumerate(letter.attempts)]
    omitted = letter.attempts_total - len(letter.attempts)
    if omitted > 0:
        shown.insert(0, f"{format_count(omitted, 'attempt')} in the middle are not shown.")
    if not shown:
        traceback = (represent_value("error", letter.error, None) or {}).get("traceback")
        shown = ["No attempt was made.", folded("Traceback", traceback) if traceback else ""]
    return format_html_join("", "{}", ((each,) for each in shown))


def _attempt(kept: Mapping[str, Any], *, is_open: bool) -> str:
    started, finished = (parse_datetime(kept.get(n) or "") for n in ("startedAt", "finishedAt"))
    node = f" on {isolated_text(kept['workerNode'])}" if kept["workerNode"] else ""
    when = f", {format_time(started)}" if started else ""
    took = f", after {format_elapsed(started, finished)}" if started and finished else ""
    outcome = isolated_text(format_state(str(kept["outcome"])))
    error = kept["error"] or {}
    text = f"Attempt {kept['attempt']} {outcome}{node}{when}{took}"
    details = "No error."
    if error:
        message = f"{error.get('class')}: {error.get('message')}"
        short = shorten(str(error.get("message")), 100)
        text = f"{text}. {isolated_text(error.get('class'))}: {isolated_text(short)}"
        details = error.get("traceback") or f"{message}\nNo traceback."
    return folded(text, details, is_open=is_open)


class ReprocessForm(ServiceForm):
    """The payload and the attempts of the new task."""

    payload = JsonField(
        required=True, rows=18, help_text="A JSON object. The letter keeps the old payload."
    )
    max_attempts = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_ATTEMPTS,
        label="Maximum attempts",
        help_text="Leave empty to use the same number as before.",
    )
    reason = reason_field(required=False)

    def clean_payload(self) -> dict[str, Any]:
        """The object. Raises ValidationError."""
        value = self.cleaned_data["payload"]
        if not isinstance(value, dict):
            raise forms.ValidationError("Enter a JSON object, such as {}.")
        return value


class DiscardForm(ServiceForm):
    """Why the work need not be done."""

    reason = forms.CharField(
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="Why the work is no longer needed. It is kept in the letter and the audit log.",
        error_messages={"required": "Give the reason."},
    )
