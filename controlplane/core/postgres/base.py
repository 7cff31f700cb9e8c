"""Django's Postgres backend, whose pool hands out no connection that the server has closed."""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """Replaces `CONN_HEALTH_CHECKS` for pooled connections.

    The pool's own check sleeps for a second, then two, after each closed connection that it finds:
    with a full pool after a restart of the server, every request would time out.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that works.

        Ends: each closed connection leaves the pool, and an empty pool raises PoolTimeout.
        """
        while True:
            connection = super().get_new_connection(conn_params)
            if self.pool is None or is_alive(connection):
                return connection
            self.pool.putconn(connection)


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
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True
