"""Reads of workspaces."""

from uuid import UUID

from controlplane.workspaces.states import DEFAULT_WORKSPACE_ID


def get_default_workspace_id() -> UUID:
    """The id of the workspace `default`, which always exists; costs no query."""
    return DEFAULT_WORKSPACE_ID
