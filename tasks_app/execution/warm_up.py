"""What a pool child does before its first task, so that this one need not wait for it; and what
main does before it forks, so that its children share it."""

import logging
from uuid import uuid4

from django.db import connections, transaction

from controlplane.core.schema.base import build_validators
from controlplane.core.sql import DATABASE_ERRORS
from tasks_app import transitions
from tasks_app.execution.store import ALIAS, LimitWatch, engine_cursor
from tasks_app.processors.declarations import declare_all

logger = logging.getLogger(__name__)

# psycopg prepares a statement at its third run, and Postgres keeps a plan at the sixth after that.
_RUNS = 9
_NO_QUEUE = ""  # no queue has this name
_NO_NODE = 0


def warm_up(runs: int = _RUNS) -> None:
    """Connect the engine, and have its statements prepared and planned by running them on nothing.
    A database that does not answer is left to the first task."""
    try:
        for _ in range(runs):
            LimitWatch().has_limits(_NO_QUEUE)
            with transaction.atomic(using=ALIAS):
                cursor = engine_cursor()
                transitions.finish_leased(cursor, node=_NO_NODE, outcomes=[])
            transitions.claim_ready(
                engine_cursor(), queue=_NO_QUEUE, node=_NO_NODE, lease=uuid4(), want=1, after=0
            )
    except DATABASE_ERRORS as error:
        logger.warning("Not warmed up: error=%s", error)


def rehearse() -> None:
    """Run the statements once before the fork, and close the connection again; build the validators
    of submissions and payloads, the latter with the schemas that the agent declares."""
    build_validators()
    declare_all()
    warm_up(runs=1)
    connections[ALIAS].close()
