"""What racing tests share: committed transactions on the tests' Postgres."""

from collections.abc import Iterator

import pytest

import tests.handlers  # noqa: F401 - registers the test types
from tests.concurrency.racing import Racers, racers


@pytest.fixture
def two() -> Iterator[Racers]:
    with racers(2) as made:
        yield made


@pytest.fixture(params=[10, pytest.param(50, marks=pytest.mark.nightly)])
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a race of two is run: more often at night."""
    return int(request.param)


@pytest.fixture
def eight() -> Iterator[Racers]:
    with racers(8) as made:
        yield made
