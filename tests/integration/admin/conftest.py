"""Fixtures of the admin's pages."""

import copy

import pytest
from django.test import Client

from tests.clients import default_workspace, staff_client
from tests.integration.admin.world import World, log_in


@pytest.fixture
def root(db: None) -> Client:
    return staff_client("root", apps=[], is_superuser=True)


@pytest.fixture
def unpermitted(db: None) -> Client:
    """An admin of the workspace with none of Django's permissions."""
    return log_in("unpermitted", default_workspace(), "admin", permissions=())


@pytest.fixture(scope="module")
def made(committed_rows: None) -> World:
    return World()


@pytest.fixture
def world(made: World) -> World:
    """A copy, with rows and cookies that no other test has changed."""
    return copy.deepcopy(made)
