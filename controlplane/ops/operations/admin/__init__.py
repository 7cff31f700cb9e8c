"""The pages of bulk operations."""

from controlplane.ops.operations.admin.operations import OperationAdmin

__all__ = ["OperationAdmin"]
