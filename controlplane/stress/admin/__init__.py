"""Stress tests in the admin."""

from controlplane.stress.admin.stresstests import StressTestAdmin

__all__ = ["StressTestAdmin"]
