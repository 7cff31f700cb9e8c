"""What the dispatcher does for bulk operations."""

from controlplane.core.runtime import sweeps
from controlplane.ops.operations.control import prune_operations
from controlplane.ops.operations.driver import OperationDriver
from tasks_app.services import register_pruner

register_pruner("operations", prune_operations)
sweeps.register("operations", every_seconds=0.5, make=lambda: OperationDriver().drive)
