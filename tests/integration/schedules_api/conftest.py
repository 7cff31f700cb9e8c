"""Fixtures of the schedules API."""

import pytest
from rest_framework.test import APIClient

from controlplane.workspaces.models import Workspace
from tests.clients import key_client, other_workspace


@pytest.fixture
def other(db: None) -> Workspace:
    return other_workspace()


@pytest.fixture
def client(db: None) -> APIClient:
    return key_client("operator")


@pytest.fixture
def stranger(other: Workspace) -> APIClient:
    """An admin of another workspace."""
    return key_client("admin", workspace=other)
