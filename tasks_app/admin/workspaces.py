"""The list of workspaces. They belong to an app that knows no tasks; what is done in each is looked
up here."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from controlplane.core.admin.display import time_column
from controlplane.core.clock import now
from controlplane.core.formatting import EMPTY, format_compact
from controlplane.workspaces.admin import WorkspaceAdmin
from controlplane.workspaces.adminaccess import roles_of
from controlplane.workspaces.queries import count_access, list_workspaces
from controlplane.workspaces.states import Role
from tasks_app.admin.links import tasks_url
from tasks_app.queries.rates import count_submitted

Workspace = list_workspaces().model
_OF_ADMINS = ("members", "keys")


class WorkspaceFigures(WorkspaceAdmin):
    """Each workspace with its members and keys, for its admins, and with its work."""

    list_display = [
        "slug",
        "title",
        "members",
        "keys",
        "submitted",
        time_column("created_at", "created", is_sortable=True),
    ]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        roles = roles_of(request)
        if roles is None or set(roles.values()) == {Role.ADMIN}:
            return list(self.list_display)
        return [each for each in self.list_display if each not in _OF_ADMINS]

    def load_page(self, rows: Sequence[Any]) -> None:
        """Three statements for all."""
        ids = [row.id for row in rows]
        since = now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
        access, submitted = count_access(ids), count_submitted(ids, since)
        for row in rows:
            row.access = access[row.id]
            row.work, row.since = submitted.get(row.id, 0), since

    @admin.display(description="name", ordering="name")
    def title(self, row: Any) -> str:
        return format_html("<bdi>{}</bdi>", row.name)

    @admin.display(description="members")
    def members(self, row: Any) -> str:
        return format_compact(row.access.members)

    @admin.display(description="keys in use")
    def keys(self, row: Any) -> str:
        return format_compact(row.access.keys)

    @admin.display(description="tasks, 24 h")
    def submitted(self, row: Any) -> str:
        """Those of this hour and of the 23 before it."""
        if not row.work:
            return EMPTY
        url = tasks_url(workspace=row.slug, createdAfter=row.since)
        return format_html('<a href="{}">{}</a>', url, format_compact(row.work))


admin.site.unregister(Workspace)
admin.site.register(Workspace, WorkspaceFigures)
