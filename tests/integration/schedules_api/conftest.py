"""Fixtures of the schedules API."""

import pytest
from rest_framework.test import APIClient

from tests.clients import key_client


@pytest.fixture
def client(db: None) -> APIClient:
    return key_client("operator")
