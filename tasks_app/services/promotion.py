"""Making ready what is due."""

from django.db import connection, transaction

from tasks_app import transitions


def promote_due(*, limit: int) -> dict[str, int]:
    """SCHEDULED, RETRYING → PENDING for at most `limit` due tasks; how many per queue."""
    with transaction.atomic(), connection.cursor() as cursor:
        return transitions.promote_due(cursor, limit=limit)
