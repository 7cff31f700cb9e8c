"""Stress tests in the audit log."""

from controlplane.ops.stress.models import StressTest
from controlplane.workspaces.audit.kinds import Kind, common_verbs, register

register(
    Kind(
        target="stress-test",
        noun="stress test",
        plural="stress tests",
        icon="stress",
        page="stress_stresstest",
        rows=StressTest.objects.all,
        label="name",
        verbs=common_verbs("stress.", "start", "stop"),
    )
)
