"""Fixtures of tests on real rows."""

import time

import pytest

_ENOUGH_SECONDS = 5  # of the minute, for any one test that asks for it twice


@pytest.fixture
def early_in_the_minute() -> None:
    """For tests that sum up minutes: the one in which they begin does not end under them."""
    left = 60 - time.time() % 60
    if left < _ENOUGH_SECONDS:
        time.sleep(left)
