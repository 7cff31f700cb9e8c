"""What tests of runs share."""

import pytest

from tests.manual_worker import register_node


@pytest.fixture
def node(db: None) -> int:
    return register_node()
