"""The same submission many times at once is one submission."""

import pytest

from controlplane.core.errors import Conflict
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import IdempotencyKey, Task
from tasks_app.services import submit_task
from tasks_app.specs import TaskSpec
from tests.concurrency.racing import Racers

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def test_a_key_raced_by_eight_gives_one_task(eight: Racers) -> None:
    get_default_workspace_id()
    for number in range(15):
        spec = TaskSpec(type="test-echo", payload={"n": number}, idempotency_key=f"key-{number}")
        answers = eight.race(*[lambda spec=spec: submit_task(spec=spec)] * 8)  # type: ignore[misc]
        assert len(set(answers)) == 1
    assert Task.objects.count() == 15


def test_a_key_raced_with_two_bodies_belongs_to_the_first(eight: Racers) -> None:
    def submit(number: int) -> str:
        spec = TaskSpec(type="test-echo", payload={"n": number % 2}, idempotency_key="one")
        try:
            return str(submit_task(spec=spec))
        except Conflict:
            return "conflict"

    answers = eight.race(*[lambda n=n: submit(n) for n in range(8)])  # type: ignore[misc]
    assert answers.count("conflict") == 4
    assert len(set(answers)) == 2
    assert Task.objects.count() == 1
    assert IdempotencyKey.objects.count() == 1
