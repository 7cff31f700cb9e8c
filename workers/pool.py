"""How Celery's prefork pool ends."""

from billiard import pool

_RESULT_READ_SECONDS = 1.0


def bound_last_results() -> None:
    """Let a pool child that ends wait for a second, not 30, until its parent has read its results.

    A parent that stops forgets the bells that it has handed out and that no child has acknowledged
    yet, and reads nothing more once it knows of no other: a child that had just taken such a bell
    would outlast every grace. Nothing is lost by it, since what a child did is in Postgres. Called
    before the pool is forked.
    """
    interval: float = pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_INTERVAL
    pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = round(_RESULT_READ_SECONDS / interval)
