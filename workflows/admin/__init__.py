"""Workflows and runs in the admin: read-only, changed by buttons and actions."""

from workflows.admin.definitions import WorkflowAdmin
from workflows.admin.runs import RunAdmin

__all__ = ["RunAdmin", "WorkflowAdmin"]
