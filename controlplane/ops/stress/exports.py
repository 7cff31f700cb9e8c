"""Stress tests as a file."""

from controlplane.ops.stress import queries
from controlplane.ops.stress.schema import StressFilter, StressTest
from controlplane.workspaces.exporting import ExportedList, register

STRESS_TESTS = ExportedList(
    name="stress-tests",
    noun="stress test",
    path="system/stress-tests/export",
    tag="stress tests",
    resource="system",
    schema=StressTest,
    filter=StressFilter,
    rows=lambda selected: queries.list_tests(selected.workspace_id, selected.wanted.states),
    prepare=lambda rows: rows.defer("report"),
)

register(STRESS_TESTS)
