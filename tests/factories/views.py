"""Saved views, as rows: also such as no service would make."""

from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.ops.savedviews.models import SavedView
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.states import ActorKind
from tests.clients import default_workspace

FAILED: Mapping[str, Sequence[str]] = {"status": ["FAILED"]}


def make_view(
    *,
    name: str = "Failed",
    list_name: str = "tasks",
    filters: Mapping[str, Sequence[str]] = FAILED,
    owner: Any = None,
    workspace: Workspace | None = None,
    **fields: Any,
) -> SavedView:
    """A view of a user, or of the system if there is none."""
    kind = ActorKind.SYSTEM if owner is None else ActorKind.USER
    return SavedView.objects.create(
        workspace=workspace or default_workspace(),
        list_name=list_name,
        name=name,
        filters=dict(filters),
        owner_kind=kind,
        owner_id="" if owner is None else str(owner.pk),
        owner_label="system" if owner is None else owner.get_username(),
        **fields,
    )
