"""The pages of what the engine keeps for itself."""

from django.contrib import admin

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.workspaces.adminaccess import SuperuserPages, WorkspacePages
from tasks_app.models import IdempotencyKey, Leader


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(WorkspacePages, ReadOnlyAdmin):
    """First answers to creating calls."""

    list_display = ["key", "workspace_id", "created_at", "expires_at"]
    search_fields = ["key"]
    ordering = ["-id"]
    fields = ["key", "workspace_id", "answer", "created_at", "expires_at"]


@admin.register(Leader)
class LeaderAdmin(SuperuserPages, ReadOnlyAdmin):
    """Who leads, until when."""

    list_display = ["name", "holder_label", "term", "acquired_at", "expires_at", "last_pass_at"]
    ordering = ["name"]
