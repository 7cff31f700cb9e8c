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


@pytest.fixture
def running(engine: Engine) -> Engine:
    engine.worker(TASKPLANE_PROCESSORS="tests.django_functions", WORKER_NODE_ID="node-a")
    return engine


def test_functions_run_and_their_results_are_refreshed(running: Engine) -> None:
    plain = finished(running, functions.add.enqueue(1, b=2))
    waiting = finished(running, functions.double.enqueue(21))

    assert (plain.status, plain.return_value) == (TaskResultStatus.SUCCESSFUL, 3)
    assert waiting.return_value == 42
    assert plain.worker_ids == ["node-a"]
    assert plain.attempts == 1
    assert plain.errors == []
    assert plain.enqueued_at <= plain.finished_at
    assert plain.started_at == plain.last_attempted_at
    assert plain.started_at <= plain.finished_at


def test_a_failure_tells_its_class_and_traceback(running: Engine) -> None:
    result = finished(running, functions.fail.enqueue("too hot"))

    assert result.status == TaskResultStatus.FAILED
    assert [error.exception_class for error in result.errors] == [functions.TooManyCooksError]
    assert "too hot" in result.errors[0].traceback
    assert "in fail" in result.errors[0].traceback
    with pytest.raises(ValueError, match="Task failed"):
        _ = result.return_value


def test_a_value_that_is_not_json_is_a_failure(running: Engine) -> None:
    result = finished(running, functions.not_json.enqueue())

    assert result.errors[0].exception_class is TypeError


def test_the_context_counts_the_attempts(running: Engine, settings: Settings) -> None:
    settings.TASKS = {"default": {"BACKEND": BACKEND, "OPTIONS": {"MAX_ATTEMPTS": 5}}}
    running.dispatcher()

    first = finished(running, functions.attempt_of.enqueue())
    third = finished(running, functions.fail_until_third.enqueue())

    assert first.return_value == [1, first.id, "RUNNING", 1]
    assert third.return_value == 3
    assert third.attempts == 3
    assert [error.exception_class_path for error in third.errors] == [
        "tests.django_functions.TooManyCooksError"
    ] * 2


def test_a_function_may_enqueue_another(running: Engine) -> None:
    outer = finished(running, functions.chain.enqueue(4))
    inner = functions.add.get_result(outer.return_value)

    assert finished(running, inner).return_value == 5


def test_what_is_deferred_starts_at_its_time(running: Engine) -> None:
    running.dispatcher()
    at = timezone.now() + timedelta(seconds=1.5)
    result = functions.add.using(run_after=at).enqueue(1)

    finished(running, result)

    assert result.started_at >= at
    assert result.started_at - at < timedelta(seconds=5)
