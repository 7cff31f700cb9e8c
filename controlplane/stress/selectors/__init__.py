"""Reads of stress tests."""

from controlplane.stress.selectors.standing import (
    StressView,
    compare_tests,
    describe_test,
    get_test,
    list_tests,
    parameters_of,
)

__all__ = [
    "StressView",
    "compare_tests",
    "describe_test",
    "get_test",
    "list_tests",
    "parameters_of",
]
