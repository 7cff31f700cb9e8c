"""Fixtures of the API of the fleet's size."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.clients import key_client


@pytest.fixture
def client(db: None) -> APIClient:
    return key_client("operator")


@pytest.fixture
def boss(db: None) -> APIClient:
    return key_client("admin")


@pytest.fixture
def environment(settings: Any) -> Any:
    """Sets what the environment says of scaling, for the test."""

    def change(**values: Any) -> None:
        settings.TASKPLANE_SCALING = {**settings.TASKPLANE_SCALING, **values}

    change(MIN_WORKERS=1, MAX_WORKERS=10, BACKEND="process")
    return change
