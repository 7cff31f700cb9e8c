"""Fixtures of the admin's pages."""

import pytest
from django.test import Client

from tests.clients import staff_client


@pytest.fixture
def root(db: None) -> Client:
    return staff_client("root", apps=[], is_superuser=True)
