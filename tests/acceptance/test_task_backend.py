"""Django's @task functions on a real worker."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tasks import TaskResultStatus
from pytest_django import Settings

from tests import django_functions as functions
from tests.engine import Engine
from tests.standing import StandingEngine

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


def test_functions_run_and_their_results_are_refreshed(running: StandingEngine) -> None:
    plain = finished(running, functions.add.enqueue(1, b=2))
    assert (plain.status, plain.return_value) == (TaskResultStatus.SUCCESSFUL, 3)
    (worker,) = plain.worker_ids
    assert worker.startswith("standing#")
    assert (plain.attempts, plain.errors) == (1, [])
    assert plain.started_at == plain.last_attempted_at
    assert plain.enqueued_at <= plain.finished_at
    assert plain.started_at <= plain.finished_at

    waiting = finished(running, functions.double.enqueue(21))
    assert waiting.return_value == 42

    outer = finished(running, functions.chain.enqueue(4))
    inner = functions.add.get_result(outer.return_value)
    assert finished(running, inner).return_value == 5

    failed = finished(running, functions.fail.enqueue("too hot"))
    assert failed.status == TaskResultStatus.FAILED
    assert [error.exception_class for error in failed.errors] == [functions.TooManyCooksError]
    assert "too hot" in failed.errors[0].traceback
    assert "in fail" in failed.errors[0].traceback
    with pytest.raises(ValueError, match="Task failed"):
        _ = failed.return_value

    not_json = finished(running, functions.not_json.enqueue())
    assert [error.exception_class for error in not_json.errors] == [TypeError]


def test_attempts_and_times_are_kept(running: StandingEngine, settings: Settings) -> None:
    settings.TASKS = {"default": {"BACKEND": BACKEND, "OPTIONS": {"MAX_ATTEMPTS": 5}}}
    at = timezone.now() + timedelta(seconds=1.5)
    deferred = functions.add.using(run_after=at).enqueue(1)

    first = finished(running, functions.attempt_of.enqueue())
    assert first.return_value == [1, first.id, "RUNNING", 1]

    finished(running, deferred)
    assert deferred.started_at >= at
    assert deferred.started_at - at < timedelta(seconds=5)

    third = finished(running, functions.fail_until_third.enqueue())
    assert (third.return_value, third.attempts) == (3, 3)
    assert [error.exception_class for error in third.errors] == [functions.TooManyCooksError] * 2
