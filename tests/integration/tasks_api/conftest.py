"""Fixtures of the tasks API."""

import pytest
from rest_framework.test import APIClient

from controlplane.workspaces.models import Workspace
from tests.clients import default_workspace, key_client, other_workspace


@pytest.fixture
def workspace(db: None) -> Workspace:
    return default_workspace()


@pytest.fixture
def other(db: None) -> Workspace:
    return other_workspace()


@pytest.fixture
def client(db: None) -> APIClient:
    return key_client("admin")


@pytest.fixture
def viewer(db: None) -> APIClient:
    return key_client("viewer")


@pytest.fixture
def operator(db: None) -> APIClient:
    return key_client("operator")


@pytest.fixture
def stranger(other: Workspace) -> APIClient:
    """An admin of another workspace."""
    return key_client("admin", workspace=other)
