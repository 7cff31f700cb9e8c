"""From the page of a task to its dead letters."""

from collections.abc import Iterator
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from controlplane.core.formatting import format_state, format_time
from controlplane.core.visibletext import isolated_text
from dlq.filters import LetterFilter
from dlq.queries import list_letters
from tasks_app.admin.related import RelatedLink, register

_MAX_SHOWN = 3


@register
def find_letters(request: HttpRequest, workspace_id: UUID, task_id: UUID) -> Iterator[RelatedLink]:
    """The newest letters of the task."""
    if not request.user.has_perm("dlq.view_deadletter"):
        return
    letters = list_letters(workspace_id, LetterFilter(task_ids=(task_id,))).order_by("-id")
    for letter in letters.only("id", "status", "died_at", "resolved_by")[:_MAX_SHOWN]:
        by = f" by {isolated_text(letter.resolved_by)}" if letter.resolved_by else ""
        yield RelatedLink(
            icon="inbox",
            title="Dead letter",
            note=f"{format_state(letter.status)}{by}, died at {format_time(letter.died_at)}",
            url=reverse("admin:dlq_deadletter_change", args=[letter.id]),
        )
