"""Rows of tests are deleted while components work in the database."""

import threading
import time

import pytest
from django.db import connection, transaction

from tasks_app.models import TaskCount, TaskCountChange
from tasks_app.services.rollups import fold_counts
from tests import cleaning
from tests.concurrency.racing import Racers
from tests.factories import make_task

pytestmark = pytest.mark.django_db(transaction=True)
_PATIENCE_SECONDS = 20


def wait_for_a_blocked_statement() -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            cursor.execute(
                "SELECT count(*), pg_stat_clear_snapshot() FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("nothing waits")


def test_cleaning_and_folding_counts_do_not_deadlock(two: Racers) -> None:
    """Folding locks the changes, then the counts; so does cleaning."""
    make_task()
    fold_counts()
    make_task()
    has_locked = threading.Event()

    def fold_slowly() -> None:
        with transaction.atomic():
            assert TaskCountChange.objects.all().delete()[0] == 1
            has_locked.set()
            wait_for_a_blocked_statement()
            assert TaskCount.objects.update(existing=2) == 1

    def clean() -> None:
        assert has_locked.wait(_PATIENCE_SECONDS)
        cleaning.restore_rows_beside()

    two.race(fold_slowly, clean)
    assert not TaskCountChange.objects.exists()
    assert not TaskCount.objects.exists()
