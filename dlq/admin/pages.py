"""What the pages of letters and of replays have in common."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils.html import format_html

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.core.errors import DomainError
from controlplane.core.ids import parse_uuid
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import Role
from tasks_app.admin.scope import OwnWorkspaces, actor_in, may


class LetterPages(OwnWorkspaces, ReadOnlyAdmin):
    """Pages of the rows of the person's workspaces, with buttons that call services."""

    class Media:
        css = {"all": ["dlq/admin.css"]}

    def wanted(self, request: HttpRequest, object_id: UUID) -> Any:
        """The row of a page beside the usual ones. Raises Http404, PermissionDenied."""
        found = self.get_queryset(request).filter(pk=object_id).first()
        if found is None:
            raise Http404("It is not there, or belongs to another workspace.")
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        return found

    def operator(self, request: HttpRequest, workspace_id: UUID) -> Actor:
        """The person, who must be an operator there. Raises PermissionDenied."""
        if not may(request, workspace_id, Role.OPERATOR):
            raise PermissionDenied("This needs the role operator in its workspace.")
        return actor_in(request, workspace_id)

    def attempt(self, request: HttpRequest, act: Callable[[], Any]) -> Any:
        """What it gives; None, with what was refused shown as a message."""
        try:
            return act()
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None


@admin.display(description="status")
def badge(value: str, words: str) -> str:
    """A status as words in a coloured frame; the words say all, the colour repeats it."""
    return format_html('<span class="dl-badge dl-{}">{}</span>', value, words)


def pretty(value: Any) -> str:
    """JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def as_id(text: str) -> UUID | None:
    """A text as an id, if it is one."""
    try:
        return parse_uuid(text.strip())
    except ValueError:
        return None
