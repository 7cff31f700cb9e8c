"""Fixtures of the dead letters API."""

from collections.abc import Iterator

import pytest
from rest_framework.test import APIClient

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.workspaces.models import Workspace
from tasks_app.services.lanes import forget_lanes
from tests.clients import key_client, other_workspace


@pytest.fixture(autouse=True)
def _no_remembered_lanes() -> Iterator[None]:
    forget_lanes()
    yield
    forget_lanes()


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
