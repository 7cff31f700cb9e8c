"""What the dispatcher does for tasks."""

from controlplane.core.runtime import sweeps
from tasks_app import dispatch
from tasks_app.services import declarations, register_pruner, rollups, samples

sweeps.register("promote", every_seconds=0.1, make=lambda: dispatch.promote)
sweeps.register("wake", every_seconds=1.0, make=lambda: dispatch.wake)
sweeps.register(
    "rescue", every_seconds=dispatch.rescue_interval_seconds(), make=dispatch.make_rescue
)
sweeps.register("counts", every_seconds=2.0, make=lambda: rollups.fold_counts)
sweeps.register("prune", every_seconds=60.0, make=lambda: dispatch.prune)
sweeps.register("rollups", every_seconds=10.0, make=lambda: rollups.recompute_rollups)
sweeps.register("samples", every_seconds=5.0, make=lambda: samples.sample_minute)
register_pruner("rollups", rollups.prune_rollups)
register_pruner("samples", samples.prune_samples)
register_pruner("declarations", declarations.prune_declarations)
