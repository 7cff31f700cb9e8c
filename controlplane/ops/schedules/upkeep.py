"""What the dispatcher does for schedules."""

from controlplane.core.runtime.sweeps import register
from controlplane.ops.schedules import sweeps
from controlplane.ops.schedules.code_sync import make_code_sync
from tasks_app.services import register_pruner

register("schedules", every_seconds=0.5, make=lambda: sweeps.fire)
register("queued firings", every_seconds=0.5, make=sweeps.make_queue_sweep)
register("firings", every_seconds=2.0, make=sweeps.make_end_sweep)
register("periodic tasks", every_seconds=1.0, make=sweeps.SyncBeat)
register("declared schedules", every_seconds=60.0, make=make_code_sync)
register_pruner("firings", sweeps.prune_firings)
