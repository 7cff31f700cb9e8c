"""The list of stress tests, and the views of it that are shipped."""

from controlplane.ops.stress.states import StressState, StressType, Verdict
from controlplane.workspaces.lists import SavableList, ShippedView, choice, register

TESTS = SavableList(
    "stress-tests",
    "Stress tests",
    path="admin/stress/stresstest/",
    api="system/stress-tests",
    filters=(
        choice("status", "State", StressState.values, page="state__exact"),
        choice("verdict", "Verdict", Verdict.values, page="verdict__exact", api=None),
        choice("type", "Type", StressType.values, page="type__exact", api=None),
    ),
    shipped=(
        ShippedView("failed", "Failed", "Tests whose verdict is failed.", {"verdict": "FAILED"}),
        ShippedView("running", "Running", "Tests that submit tasks.", {"status": "RUNNING"}),
    ),
    is_by_workspace=False,
)
register(TESTS)
