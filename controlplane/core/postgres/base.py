"""Django's Postgres backend, which reads times quickly, and whose pool hands out no connection that
the server has closed."""

import select
from functools import cache
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg.adapt import AdaptersMap

from controlplane.core.postgres.times import UtcLoader


class DatabaseWrapper(base.DatabaseWrapper):
    """The backend of every connection."""

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        return params | {"context": _with_quick_times(params["context"])}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that works. Replaces `CONN_HEALTH_CHECKS` for the pool, whose own check
        sleeps for a second, then two, after each closed connection that it finds: with a full pool
        after a restart of the server, every request would time out.

        Ends: each closed connection leaves the pool, and an empty pool raises PoolTimeout.
        """
        while True:
            connection = super().get_new_connection(conn_params)
            if self.pool is None or is_alive(connection):
                return connection
            self.pool.putconn(connection)


@cache
def _with_quick_times(adapters: AdaptersMap) -> AdaptersMap:
    """Django's adapters, which are the same for every connection, with our loader of times."""
    found = AdaptersMap(adapters)
    found.register_loader("timestamptz", UtcLoader)
    return found


def is_alive(connection: psycopg.Connection[Any]) -> bool:
    """Whether an idle connection still works.

    Asks the kernel, which costs a few microseconds. The server sends only notices and the end of
    the connection to an idle client, so a query is needed only when there is something to read.
    """
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return True
    from psycopg_pool import ConnectionPool  # only the app has a pool

    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True
