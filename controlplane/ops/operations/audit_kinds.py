"""Bulk operations in the audit log."""

from controlplane.ops.operations.models import Operation
from controlplane.workspaces.audit.kinds import Kind, common_verbs, describe_end, register

register(
    Kind(
        target="operation",
        noun="bulk operation",
        plural="bulk operations",
        icon="bulk",
        page="operations_operation",
        rows=Operation.objects.all,
        verbs={
            **common_verbs("operation.", "start", "pause", "resume", "cancel"),
            "operation.end": describe_end,
        },
    )
)
