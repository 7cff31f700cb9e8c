"""Fixtures of the workflows API."""

import tests.handlers  # noqa: F401 - the task types of the tests
from tests.integration.tasks_api.conftest import (
    client,
    operator,
    other,
    stranger,
    viewer,
    workspace,
)

__all__ = [
    "client",
    "operator",
    "other",
    "stranger",
    "viewer",
    "workspace",
]
