"""Counts stay exact while many write, and while two dispatchers fold."""

from functools import partial
from uuid import UUID

import pytest

from controlplane.workspaces.actors import SYSTEM
from tasks_app import services
from tasks_app.models import Task
from tasks_app.queries.counts import count_tasks
from tasks_app.services.rollups import fold_counts, recount_tasks
from tasks_app.specs import TaskSpec
from tests.clients import default_workspace
from tests.concurrency.racing import racers
from tests.manual_worker import claim, finish, register_node, success

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "engine"])


def submit(number: int) -> list[UUID]:
    specs = [TaskSpec(type="noop")] * number
    return services.submit_tasks(workspace_id=default_workspace().id, specs=specs)


def work() -> None:
    node = register_node()
    for _ in range(6):
        finish(node, [success(claimed) for claimed in claim(node, want=5)])


def cancel(ids: list[UUID]) -> None:
    for start in range(0, len(ids), 10):
        some = ids[start : start + 10]
        services.cancel_tasks(workspace_id=default_workspace().id, ids=some, actor=SYSTEM)


def retry(ids: list[UUID]) -> None:
    for _ in range(4):
        services.retry_tasks(workspace_id=default_workspace().id, ids=ids, actor=SYSTEM)


def submit_more() -> None:
    for number in (1, 30, 1, 30):
        submit(number)


def fold() -> None:
    for _ in range(20):
        fold_counts()


def test_counts_are_those_of_the_rows_after_a_race() -> None:
    ids = submit(120)
    with racers(7) as threads:
        threads.race(
            work, work, partial(cancel, ids[60:]), partial(retry, ids), submit_more, fold, fold
        )
    counts = count_tasks(default_workspace().id)
    states = list(Task.objects.values_list("state", flat=True))
    assert counts.total == len(states) == 182
    assert counts.states == {state: states.count(state) for state in counts.states}
    assert recount_tasks() == 0
    while fold_counts():
        continue
    assert count_tasks(default_workspace().id).states == counts.states
