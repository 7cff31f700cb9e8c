"""Fixtures for back-ends with real workers."""

from tests.acceptance.conftest import engine

__all__ = ["engine"]
