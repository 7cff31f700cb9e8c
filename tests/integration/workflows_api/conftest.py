"""Fixtures of the workflows API."""

from tests.integration.tasks_api.conftest import (
    _no_remembered_lanes,
    client,
    operator,
    other,
    stranger,
    viewer,
    workspace,
)

__all__ = [
    "_no_remembered_lanes",
    "client",
    "operator",
    "other",
    "stranger",
    "viewer",
    "workspace",
]
