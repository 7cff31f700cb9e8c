"""Decides which of several equal processes works: a row with a term and a time to live. Leadership
only avoids duplicate work; every sweep is correct with any number of leaders.
"""

import logging
import os
import socket
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.db import connection

logger = logging.getLogger(__name__)

TTL_SECONDS = 5.0


@dataclass
class Leadership:
    """This process's claim to lead `name`."""

    name: str
    holder: UUID = field(default_factory=uuid4)
    label: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    term: int | None = None
    ttl_seconds: float = TTL_SECONDS

    def hold(self) -> bool:
        """Take or renew the lead. Returns whether this process leads for the next `ttl_seconds`."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO tasks_app_leader AS l
                    (name, holder, holder_label, term, acquired_at, expires_at, last_pass_at)
                VALUES (%(name)s, %(holder)s, %(label)s, 1, clock_timestamp(),
                    clock_timestamp() + %(ttl)s * interval '1 second', clock_timestamp())
                ON CONFLICT (name) DO UPDATE SET
                    holder = EXCLUDED.holder, holder_label = EXCLUDED.holder_label,
                    term = l.term + (l.holder <> EXCLUDED.holder)::int,
                    acquired_at = CASE WHEN l.holder = EXCLUDED.holder
                        THEN l.acquired_at ELSE clock_timestamp() END,
                    expires_at = EXCLUDED.expires_at, last_pass_at = EXCLUDED.last_pass_at
                WHERE l.holder = EXCLUDED.holder OR l.expires_at < clock_timestamp()
                RETURNING l.term
                """,
                {
                    "name": self.name,
                    "holder": self.holder,
                    "label": self.label,
                    "ttl": self.ttl_seconds,
                },
            )
            row = cursor.fetchone()
        before, self.term = self.term, row[0] if row else None
        if self.term != before:
            if self.term is None:
                logger.info("Leadership not held: name=%s", self.name)
            else:
                logger.info("Leadership held: name=%s term=%d", self.name, self.term)
        return self.term is not None

    def resign(self) -> None:
        """Let another take over at once."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE tasks_app_leader SET expires_at = clock_timestamp()"
                " WHERE name = %s AND holder = %s",
                [self.name, self.holder],
            )
