"""Reads of the pool and of what was decided. It serves all workspaces, so these take none."""

from scaling.selectors.pool import POOL, get_configuration, get_pool

__all__ = ["POOL", "get_configuration", "get_pool"]
