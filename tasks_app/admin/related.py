"""Links from the page of a task to what belongs to it in other apps.

An app above registers a finder in its admin. It is asked for each page, and costs a query or two.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class RelatedLink:
    """`icon` is a symbol of the sprite; `note` says what the link is to this task."""

    icon: str
    title: str
    note: str
    url: str


# The request, the workspace and the id of the task.
Finder = Callable[[HttpRequest, UUID, UUID], Iterable[RelatedLink]]
_finders: list[Finder] = []


def register(finder: Finder) -> Finder:
    """A finder of links; it leaves out what the person may not see."""
    if finder not in _finders:
        _finders.append(finder)
    return finder


def find_links(request: HttpRequest, workspace_id: UUID, task_id: UUID) -> list[RelatedLink]:
    return [link for finder in _finders for link in finder(request, workspace_id, task_id)]
