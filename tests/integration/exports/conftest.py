import pytest
from rest_framework.test import APIClient

from controlplane.workspaces.models import Workspace
from tests.clients import key_client


@pytest.fixture
def client(workspace: Workspace) -> APIClient:
    return key_client("viewer", workspace=workspace)
