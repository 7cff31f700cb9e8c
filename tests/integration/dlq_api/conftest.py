"""Fixtures of the dead letters API."""

import pytest
from rest_framework.test import APIClient

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.workspaces.models import Workspace
from tests.clients import key_client, other_workspace


@pytest.fixture
def other(db: None) -> Workspace:
    return other_workspace()


@pytest.fixture
def viewer(db: None) -> APIClient:
    return key_client("viewer")


@pytest.fixture
def operator(db: None) -> APIClient:
    return key_client("operator", name="op")


@pytest.fixture
def stranger(other: Workspace) -> APIClient:
    """An admin of another workspace."""
    return key_client("admin", workspace=other)
