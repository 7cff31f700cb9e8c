"""Fixtures of tests on real rows."""

import time
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.states import ActorKind, Role
from tests.clients import default_workspace, key_client, other_workspace

_ENOUGH_SECONDS = 5  # of the minute, for any one test that asks for it twice


@pytest.fixture
def early_in_the_minute() -> None:
    """For tests that sum up minutes: the one in which they begin does not end under them."""
    left = 60 - time.time() % 60
    if left < _ENOUGH_SECONDS:
        time.sleep(left)


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """The OpenAPI document; `tests/integration/workspaces/test_schema.py` holds it to be valid."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


@pytest.fixture
def workspace(db: None) -> Workspace:
    return default_workspace()


@pytest.fixture
def other(db: None) -> Workspace:
    return other_workspace()


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


@pytest.fixture
def ada(db: None) -> Actor:
    return Actor(kind=ActorKind.USER.value, id="1", label="ada", role=Role.OPERATOR)
