"""Fixtures of the workflows API."""

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
