"""Reads of the pool and of its decisions. It serves all workspaces, so these take none."""

from scaling.queries.pool import POOL, get_configuration, get_pool

__all__ = ["POOL", "get_configuration", "get_pool"]
