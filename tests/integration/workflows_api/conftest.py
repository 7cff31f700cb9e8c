"""Fixtures of the workflows API."""

import pytest
from rest_framework.test import APIClient

import tests.handlers  # noqa: F401 - the task types of the tests
from tests.clients import key_client


@pytest.fixture
def client(db: None) -> APIClient:
    return key_client("admin")
