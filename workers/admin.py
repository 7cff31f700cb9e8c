"""Worker nodes in the admin: looked at. They serve all workspaces."""

from django.contrib import admin

from controlplane.core.adminpages import ReadOnlyAdmin
from workers.models import Node


@admin.register(Node)
class NodeAdmin(ReadOnlyAdmin):
    """One row per run of a worker process, newest first."""

    list_display = [
        "name",
        "id",
        "state",
        "host",
        "pid",
        "queues",
        "concurrency",
        "heartbeat_at",
        "started_at",
        "stopped_at",
        "stale_writes",
    ]
    list_filter = ["state"]
    search_fields = ["name", "host"]
    ordering = ["-id"]
