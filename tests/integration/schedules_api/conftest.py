"""Fixtures of the schedules API."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.ops.schedules import editing
from controlplane.ops.schedules.models import Schedule
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import Workspace
from tests.clients import default_workspace, key_client, other_workspace

MakeJob = Callable[..., Schedule]


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


@pytest.fixture
def make_job(db: None) -> MakeJob:
    """Makes a schedule of `default`, by the service."""

    def make(name: str = "a job", workspace: Workspace | None = None, **values: Any) -> Schedule:
        values = {"schedule": "0 2 * * *", "task_type": "noop", **values}
        return editing.create_schedule(
            workspace_id=(workspace or default_workspace()).id,
            values={"name": name, **values},
            actor=SYSTEM,
        )

    return make
