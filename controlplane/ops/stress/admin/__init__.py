"""Stress tests in the admin."""

from controlplane.ops.stress.admin.stresstests import StressTestAdmin

__all__ = ["StressTestAdmin"]
