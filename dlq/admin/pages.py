"""What the pages of letters and of replays have in common."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.core.errors import DomainError
from controlplane.core.ids import parse_uuid
from controlplane.workspaces.adminaccess import WorkspacePages


class LetterPages(WorkspacePages, ReadOnlyAdmin):
    """Pages of the rows of the person's workspaces, with buttons that call services."""

    class Media:
        css = {"all": ["controlplane/hues.css", "dlq/admin.css"]}

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
    return format_html('<span class="hue-badge dl-{}">{}</span>', value, words)


def pretty(value: Any) -> str:
    """JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def as_id(text: str) -> UUID | None:
    """A text as an id, if it is one."""
    try:
        return parse_uuid(text.strip())
    except ValueError:
        return None
