"""Saved views in the audit log."""

from controlplane.ops.savedviews.models import SavedView
from controlplane.workspaces.audit.kinds import Kind, common_verbs, register

register(
    Kind(
        target="view",
        noun="saved view",
        plural="saved views",
        icon="list",
        page="savedviews_savedview",
        rows=SavedView.objects.all,
        label="name",
        verbs={**common_verbs("view.", "create", "delete"), "view.change": "changed"},
    )
)
