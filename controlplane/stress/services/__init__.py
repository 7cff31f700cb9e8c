"""Writes to stress tests, one verb per use case."""

from controlplane.stress.services.control import start_test, stop_test
from controlplane.stress.services.driving import drive_tests
from controlplane.stress.services.retention import prune_tests

__all__ = ["drive_tests", "prune_tests", "start_test", "stop_test"]
