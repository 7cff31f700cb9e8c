"""The engine's own records: stored responses, and who leads."""

from typing import Any, ClassVar

from django.contrib import admin

from controlplane.core.admin.display import time_column
from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.workspaces.adminaccess import SuperuserPages
from controlplane.workspaces.adminpages import WorkspacePages
from tasks_app.models import IdempotencyKey, Leader

_MADE = time_column("created_at", order_by="id")
_EXPIRES = time_column("expires_at", "expires", is_sortable=True)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(WorkspacePages, ReadOnlyAdmin):
    """Stored responses to requests with an idempotency key."""

    list_display = [
        "key",
        "workspace_id",
        _MADE,
        _EXPIRES,
    ]
    sortable_by: ClassVar[list[Any]] = [_MADE, _EXPIRES]  # no other order has an index
    search_fields = ["key__exact"]
    search_help_text = "A whole key."
    ordering = ["-id"]
    fields = ["key", "workspace_id", "answer", "created_at", "expires_at"]


@admin.register(Leader)
class LeaderAdmin(SuperuserPages, ReadOnlyAdmin):
    """Which process leads, and until when."""

    list_display = [
        "name",
        "holder_label",
        "term",
        time_column("acquired_at", is_sortable=True),
        time_column("expires_at", "expires", is_sortable=True),
        time_column("last_pass_at", "last pass", is_sortable=True),
    ]
    ordering = ["name"]
