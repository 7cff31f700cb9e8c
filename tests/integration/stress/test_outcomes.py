"""Outcomes of a batch's items: each noted once, read some at a time."""

import pytest

from controlplane.ops.stress.models import StressTest
from tasks_app.batches import read_outcomes
from tasks_app.models import Task
from tests.factories import make_stress_test
from tests.stress_driver import drive_to, end_task, tasks_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch() -> StressTest:
    return drive_to(make_stress_test(7), "SETTLING")


def test_open_items_are_read_some_at_a_time_and_round_again(batch: StressTest) -> None:
    tasks = tasks_of(batch)
    batch.read_after = None
    seen = []
    for is_round in (False, False, True):
        outcomes = read_outcomes(batch, limit=3)
        assert (outcomes.ended, outcomes.is_round) == ({}, is_round)
        seen += outcomes.open
    assert seen == tasks
    assert batch.read_after is None
    assert read_outcomes(batch, limit=3).open == tasks[:3]


def test_each_outcome_is_noted_once_and_a_task_that_is_gone_is_deleted(batch: StressTest) -> None:
    first, gone, *rest = tasks_of(batch)
    end_task(Task.objects.get(id=first))
    Task.objects.filter(id=gone).delete()
    batch.read_after = None
    outcomes = read_outcomes(batch, limit=100)
    assert outcomes.ended == {"COMPLETED": [first], "DELETED": [gone]}
    assert (outcomes.open, outcomes.is_round) == (rest, True)
    assert (outcomes.count(), outcomes.count("COMPLETED"), outcomes.count("FAILED")) == (2, 1, 0)
    again = read_outcomes(batch, limit=100)
    assert (again.ended, again.open) == ({}, rest)
    noted = batch.items.exclude(outcome="").order_by("id").values_list("task_id", "outcome")
    assert list(noted) == [(first, "COMPLETED"), (gone, "DELETED")]
