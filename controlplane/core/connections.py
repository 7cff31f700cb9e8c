"""Pooled database connections of the thread that calls."""

from django.db import connections


def release_connections() -> None:
    """Give pooled connections back to the pool, except inside a transaction.

    For the moments in which a request needs the database no longer, or not for a while: while a
    password is hashed, or while a client reads its response.
    """
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["OPTIONS"].get("pool") and not connection.in_atomic_block:
            connection.close()
