"""What the tests of schedules share."""

import pytest

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.ops.schedules import firing
from controlplane.ops.schedules import overlaps as queueing


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests() -> None:
    firing._resting.clear()
    queueing.post.rests_until = 0.0
