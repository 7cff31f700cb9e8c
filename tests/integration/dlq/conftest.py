"""What tests of dead letters share."""

import pytest

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.states import ActorKind, Role
from tests.clients import default_workspace


@pytest.fixture
def workspace(db: None) -> Workspace:
    return default_workspace()


@pytest.fixture
def ada() -> Actor:
    return Actor(kind=ActorKind.USER.value, id="1", label="ada", role=Role.OPERATOR)
