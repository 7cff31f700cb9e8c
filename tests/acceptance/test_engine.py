"""The engine on real workers: what comes of each kind of handler."""

import pytest

from tasks_app.models import TaskAttempt
from tasks_app.services import submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.engine import Engine

pytestmark = pytest.mark.acceptance


def test_a_task_runs_and_its_attempt_is_on_record(engine: Engine) -> None:
    engine.worker()
    task_id = submit_task(spec=TaskSpec(type="test-echo", payload={"a": [1, "ü"]}))
    task = engine.wait_for(task_id)
    assert (task.state, task.result, task.attempt, task.progress) == (
        "COMPLETED",
        {"a": [1, "ü"]},
        1,
        100,
    )
    attempt = TaskAttempt.objects.get(task_id=task_id)
    assert (attempt.attempt, attempt.outcome, attempt.error) == (1, "SUCCEEDED", None)


def test_many_tasks_all_complete_once(engine: Engine) -> None:
    engine.worker()
    ids = submit_tasks(specs=[TaskSpec(type="noop")] * 3_000)
    engine.wait_for_all(ids)
    assert TaskAttempt.objects.filter(task_id__in=ids, outcome="SUCCEEDED").count() == 3_000
