"""Django's @task functions on a real worker."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tasks import TaskResultStatus
from pytest_django import Settings

from tests import django_functions as functions
from tests.engine import Engine

pytestmark = pytest.mark.acceptance

BACKEND = "tasks_app.backends.TaskplaneBackend"


@pytest.fixture(autouse=True)
def tasks_setting(settings: Settings) -> None:
    settings.TASKS = {"default": {"BACKEND": BACKEND, "OPTIONS": {"MAX_ATTEMPTS": 1}}}


def finished(engine: Engine, result: Any) -> Any:
    def ended() -> bool:
        result.refresh()
        return bool(result.is_finished)

    engine.wait(ended, f"the end of {result.task.name}")
    return result


def start_worker(engine: Engine) -> None:
    engine.worker(TASKPLANE_PROCESSORS="tests.django_functions", WORKER_NODE_ID="node-a")


def test_functions_run_and_their_results_are_refreshed(engine: Engine) -> None:
    start_worker(engine)

    plain = finished(engine, functions.add.enqueue(1, b=2))
    assert (plain.status, plain.return_value) == (TaskResultStatus.SUCCESSFUL, 3)
    (worker,) = plain.worker_ids
    assert worker.startswith("node-a#")
    assert (plain.attempts, plain.errors) == (1, [])
    assert plain.started_at == plain.last_attempted_at
    assert plain.enqueued_at <= plain.finished_at
    assert plain.started_at <= plain.finished_at

    waiting = finished(engine, functions.double.enqueue(21))
    assert waiting.return_value == 42

    outer = finished(engine, functions.chain.enqueue(4))
    inner = functions.add.get_result(outer.return_value)
    assert finished(engine, inner).return_value == 5

    failed = finished(engine, functions.fail.enqueue("too hot"))
    assert failed.status == TaskResultStatus.FAILED
    assert [error.exception_class for error in failed.errors] == [functions.TooManyCooksError]
    assert "too hot" in failed.errors[0].traceback
    assert "in fail" in failed.errors[0].traceback
    with pytest.raises(ValueError, match="Task failed"):
        _ = failed.return_value

    not_json = finished(engine, functions.not_json.enqueue())
    assert [error.exception_class for error in not_json.errors] == [TypeError]


def test_attempts_and_times_are_kept(engine: Engine, settings: Settings) -> None:
    settings.TASKS = {"default": {"BACKEND": BACKEND, "OPTIONS": {"MAX_ATTEMPTS": 5}}}
    start_worker(engine)
    engine.dispatcher()
    at = timezone.now() + timedelta(seconds=1.5)
    deferred = functions.add.using(run_after=at).enqueue(1)

    first = finished(engine, functions.attempt_of.enqueue())
    assert first.return_value == [1, first.id, "RUNNING", 1]

    finished(engine, deferred)
    assert deferred.started_at >= at
    assert deferred.started_at - at < timedelta(seconds=5)

    third = finished(engine, functions.fail_until_third.enqueue())
    assert (third.return_value, third.attempts) == (3, 3)
    assert [error.exception_class for error in third.errors] == [functions.TooManyCooksError] * 2
