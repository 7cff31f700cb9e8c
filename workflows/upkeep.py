"""What the dispatcher does for workflows."""

from controlplane.core.runtime import sweeps
from tasks_app.services import register_pruner
from workflows.repair import make_repair_sweep, prune_runs

register_pruner("workflowRuns", prune_runs)
sweeps.register("workflows", every_seconds=5.0, make=make_repair_sweep)
