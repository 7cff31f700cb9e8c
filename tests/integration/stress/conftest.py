"""What tests of stress tests share."""

from collections.abc import Iterator

import pytest

from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.states import ActorKind, Role
from tasks_app.services.lanes import forget_lanes
from tests.clients import default_workspace


@pytest.fixture(autouse=True)
def _no_remembered_lanes() -> Iterator[None]:
    forget_lanes()
    yield
    forget_lanes()


@pytest.fixture
def workspace(db: None) -> Workspace:
    return default_workspace()


@pytest.fixture
def ada() -> Actor:
    return Actor(kind=ActorKind.USER.value, id="1", label="ada", role=Role.OPERATOR)
