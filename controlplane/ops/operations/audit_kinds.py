"""Bulk operations in the audit log."""

from collections.abc import Mapping
from typing import Any

from controlplane.ops.operations.models import Operation
from controlplane.workspaces.audit.kinds import Kind, common_verbs, register

_ENDS = {"COMPLETED": "completed", "STOPPED": "stopped", "FAILED": "stopped"}


def _end(detail: Mapping[str, Any]) -> str:
    return _ENDS.get(str(detail.get("state")), "ended")


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
            "operation.end": _end,
        },
    )
)
