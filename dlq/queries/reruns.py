"""Reads of the tasks that do the work of letters again."""

from uuid import UUID

from django.db import connection

from controlplane.core.sql import load_sql
from dlq.states import LetterRerun

NIL = UUID(int=0)  # before every letter


def follow_reruns(*, after: UUID, limit: int) -> dict[UUID, LetterRerun]:
    """The results of the new tasks of the next reprocessed letters behind `after` whose tasks had
    not ended, by letter."""
    with connection.cursor() as cursor:
        cursor.execute(load_sql("dlq", "follow_reruns"), {"after": after, "limit": limit})
        return {letter: LetterRerun(rerun) for letter, rerun in cursor.fetchall()}
