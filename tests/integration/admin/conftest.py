"""Fixtures of the admin's pages."""

import pytest
from django.test import Client

from controlplane.workspaces.models import Workspace
from tests.clients import other_workspace, staff_client


@pytest.fixture
def root(db: None) -> Client:
    return staff_client("root", apps=[], is_superuser=True)


@pytest.fixture
def other(db: None) -> Workspace:
    return other_workspace()
