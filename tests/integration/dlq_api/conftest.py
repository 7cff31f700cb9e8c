"""Fixtures of the dead letters API."""

import pytest
from rest_framework.test import APIClient

import tests.handlers  # noqa: F401 - registers the test types
from tests.clients import key_client


@pytest.fixture
def operator(db: None) -> APIClient:
    return key_client("operator", name="op")
