"""A stress test that a dispatcher of the release before has begun is not lost."""

from uuid import UUID

import pytest
from django.db import connection

from controlplane.ops.stress.models import StressTask, StressTest
from tasks_app.models import Task
from tests.factories import make_stress_test
from tests.stress_driver import drive, drive_to, end_tasks, tasks_of

pytestmark = pytest.mark.django_db


def submit_as_before(test: StressTest, tasks: list[UUID], expected: str, number: int) -> None:
    """A chunk as that dispatcher writes it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO stress_stresschunk (test_id, number, task_ids, fates, edges, completed,
                failed, cancelled, is_over)
            VALUES (%s, %s, %s::uuid[], %s, 0, 0, 0, 0, false)
            """,
            [test.id, number, tasks, expected],
        )


def turn_back(test: StressTest, size: int) -> None:
    """The test with chunks of this size in place of its items."""
    items = list(StressTask.objects.filter(test=test).order_by("number"))
    for number, first in enumerate(range(0, len(items), size)):
        part = items[first : first + size]
        submit_as_before(
            test, [item.task_id for item in part], "".join(i.expected for i in part), number
        )
    StressTask.objects.filter(test=test).delete()
    StressTest.objects.filter(id=test.id).update(edges=0, read_after=None)


def test_its_chunks_become_items() -> None:
    test = drive_to(make_stress_test(90, failure_rate=0.2, seed=5), "SETTLING")
    before = list(test.items.order_by("number").values_list("number", "task_id", "expected"))
    turn_back(test, 40)
    test = drive(test)
    assert test.items.count() == 90
    after = list(test.items.order_by("number").values_list("number", "task_id", "expected"))
    assert after == before
    assert not test.chunks.exists()
    end_tasks(test)
    test = drive_to(test, "DONE")
    assert test.verdict == "PASSED", test.report
    assert test.failed == test.expected_failed > 0


def test_a_test_of_both_dispatchers_goes_on() -> None:
    """The old one submitted, the new one went on, and the old one led once more."""
    test = drive(make_stress_test(30, rate_per_second=10.0), passes=4)
    assert 0 < test.submitted < 30
    first = tasks_of(test)
    turn_back(test, 500)
    test = drive_to(test, "SETTLING")
    assert tasks_of(test)[: len(first)] == first
    late = tasks_of(test)[-5:]
    StressTask.objects.filter(test=test, task_id__in=late).delete()
    submit_as_before(test, late, "C" * 5, 7)
    assert drive(test).items.count() == 30
    assert sorted(tasks_of(test)) == sorted(Task.objects.values_list("id", flat=True))
    end_tasks(test)
    test = drive_to(test, "DONE")
    assert (test.verdict, test.completed) == ("PASSED", 30)
