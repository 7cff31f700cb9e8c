"""What the dispatcher does for stress tests."""

from controlplane.core.runtime import sweeps
from controlplane.ops.stress.control import prune_tests
from controlplane.ops.stress.driver import StressDriver
from tasks_app.services import register_pruner

register_pruner("stressTests", prune_tests)
sweeps.register("stress-tests", every_seconds=0.2, make=lambda: StressDriver().drive)
