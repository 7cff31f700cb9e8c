"""Fixtures for tests with real components."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import Engine


@pytest.fixture
def engine(component_env: dict[str, str], tmp_path: Path) -> Iterator[Engine]:
    """Starts workers and dispatchers, and ends them after the test."""
    engine = Engine(component_env, tmp_path)
    yield engine
    engine.end()
