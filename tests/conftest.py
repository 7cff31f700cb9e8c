"""Fixtures that every kind of test may use."""

import os

import pytest
from django.db import connection


@pytest.fixture
def component_env(transactional_db: None) -> dict[str, str]:
    """The environment for a component in a process of its own, working in the tests' database."""
    return {**os.environ, "TASKPLANE_TEST_DATABASE": str(connection.settings_dict["NAME"])}
