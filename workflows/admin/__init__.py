"""Workflows and runs in the admin: looked at; what changes something calls a service."""

from workflows.admin.definitions import WorkflowAdmin
from workflows.admin.runs import RunAdmin

__all__ = ["RunAdmin", "WorkflowAdmin"]
