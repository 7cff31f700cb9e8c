"""Django's TASKS interface on this queue: what its documentation promises of any backend."""

import asyncio
import sys
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction
from django.utils import timezone
from django_tasks import TaskResultStatus, default_task_backend, task, task_backends
from django_tasks.exceptions import (
    InvalidTaskError,
    TaskResultDoesNotExist,
    TaskResultMismatch,
)
from django_tasks.signals import task_enqueued, task_finished, task_started
from pytest_django import Settings

from controlplane.workspaces.actors import SYSTEM
from tasks_app.backends import TaskplaneBackend, _class_path
from tasks_app.models import Task
from tasks_app.processors import Fail, registry
from tasks_app.processors.builtin.django_task import NotATask, resolve_task
from tasks_app.services import cancel_task, submit_task
from tasks_app.specs import TaskSpec
from tests import django_functions as functions
from tests.unit.processors.recording import RecordingContext

pytestmark = pytest.mark.django_db

BACKEND = "tasks_app.backends.TaskplaneBackend"


@pytest.fixture(autouse=True)
def tasks_setting(settings: Settings) -> None:
    settings.TASKS = {
        "default": {"BACKEND": BACKEND, "QUEUES": []},
        "narrow": {"BACKEND": BACKEND, "QUEUES": ["default", "mail"]},
        "patient": {"BACKEND": BACKEND, "OPTIONS": {"MAX_ATTEMPTS": 4, "TIMEOUT_SECONDS": 9}},
    }


def row(result_id: str) -> Task:
    return Task.objects.select_related("queue").get(id=result_id)


def test_the_backend_and_what_it_supports() -> None:
    assert isinstance(task_backends["default"], TaskplaneBackend)
    assert default_task_backend.supports_defer
    assert default_task_backend.supports_async_task
    assert default_task_backend.supports_get_result
    assert default_task_backend.supports_priority
    assert list(default_task_backend.check()) == []


@pytest.mark.parametrize("function", [functions.add, functions.double])
def test_enqueueing_gives_a_result_that_is_ready(function: Any) -> None:
    result = function.enqueue(1)

    assert result.status == TaskResultStatus.READY
    assert (result.args, result.kwargs, result.backend) == ([1], {}, "default")
    assert result.task == function
    assert (result.started_at, result.finished_at, result.last_attempted_at) == (None, None, None)
    assert (result.errors, result.worker_ids, result.attempts) == ([], [], 0)
    assert result.is_finished is False
    assert timedelta(0) <= timezone.now() - result.enqueued_at < timedelta(seconds=10)
    with pytest.raises(ValueError, match="Task has not finished yet"):
        _ = result.return_value


def test_what_is_stored() -> None:
    stored = row(functions.double.enqueue(3).id)

    assert stored.type == "django-task-async"
    assert stored.name == "tests.django_functions.double"
    assert (stored.state, stored.priority, stored.queue.name) == ("PENDING", 7, "default")
    assert stored.max_attempts == 1
    assert row(functions.add.enqueue(3).id).type == "django-task"


def test_a_result_can_be_read_back() -> None:
    result = functions.add.using(priority=-3, queue_name="mail").enqueue(1, b=2)

    assert default_task_backend.get_result(result.id) == result
    assert functions.add.get_result(result.id) == result
    with pytest.raises(TaskResultMismatch):
        functions.double.get_result(result.id)


@pytest.mark.django_db(transaction=True)
def test_the_same_from_async_code() -> None:
    async def scenario() -> None:
        result = await functions.add.aenqueue(1, b=2)
        assert result.status == TaskResultStatus.READY
        assert await functions.add.aget_result(result.id) == result
        await result.arefresh()
        assert result.status == TaskResultStatus.READY
        with pytest.raises(TaskResultDoesNotExist):
            await default_task_backend.aget_result(str(uuid4()))
        await sync_to_async(connections.close_all)()  # the connection of the helper thread

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "result_id", ["123", "", "not-a-uuid", "00000000-0000-7000-8000-000000000000"]
)
def test_an_unknown_id(result_id: str) -> None:
    with pytest.raises(TaskResultDoesNotExist):
        default_task_backend.get_result(result_id)


def test_a_task_of_another_kind_is_no_result() -> None:
    other = submit_task(spec=TaskSpec(type="noop"))

    with pytest.raises(TaskResultDoesNotExist):
        default_task_backend.get_result(str(other))


def test_using_priority_queue_and_time() -> None:
    later = timezone.now() + timedelta(hours=1)
    deferred = functions.add.using(priority=100, queue_name="mail", run_after=later)

    result = deferred.enqueue(1)

    stored = row(result.id)
    assert (stored.state, stored.run_at, stored.priority) == ("SCHEDULED", later, 100)
    assert stored.queue.name == "mail"
    assert default_task_backend.get_result(result.id) == result
    assert functions.add.priority == 0  # the original is as it was


def test_a_time_that_has_passed_means_now() -> None:
    past = timezone.now() - timedelta(minutes=1)

    assert row(functions.add.using(run_after=past).enqueue(1).id).state == "PENDING"


def test_options_of_the_backend() -> None:
    stored = row(functions.add.using(backend="patient").enqueue(1).id)

    assert (stored.max_attempts, stored.timeout_ms) == (4, 9_000)


def test_another_workspace(settings: Settings) -> None:
    settings.TASKS = {
        **settings.TASKS,
        "other": {"BACKEND": BACKEND, "OPTIONS": {"WORKSPACE_ID": str(uuid4())}},
    }
    result = functions.add.enqueue(1)

    with pytest.raises(TaskResultDoesNotExist):
        task_backends["other"].get_result(result.id)


@pytest.mark.parametrize("priority", [-101, 101, 1.5])
def test_a_priority_out_of_range(priority: Any) -> None:
    with pytest.raises(InvalidTaskError, match="whole number between -100 and 100"):
        functions.add.using(priority=priority)


def test_what_is_no_valid_task() -> None:
    def nested() -> None:
        return None

    with pytest.raises(InvalidTaskError, match="module level"):
        task(nested)
    with pytest.raises(InvalidTaskError, match="first argument of 'context'"):
        task(takes_context=True)(functions.no_task)
    with pytest.raises(InvalidTaskError, match="aware datetime"):
        functions.add.using(run_after=datetime(2030, 1, 1))  # noqa: DTZ001 - naive on purpose
    with pytest.raises(InvalidTaskError, match="Queue 'other' is not valid"):
        functions.add.using(backend="narrow", queue_name="other")


def test_arguments_that_are_not_json_are_refused() -> None:
    with pytest.raises(TypeError, match="Unsupported type"):
        functions.add.enqueue(object())
    assert Task.objects.count() == 0


def test_arguments_are_made_plain() -> None:
    result = functions.add.enqueue((1, 2), b=b"text")

    assert (result.args, result.kwargs) == ([[1, 2]], {"b": "text"})
    assert default_task_backend.get_result(result.id).args == [[1, 2]]


@pytest.mark.django_db(transaction=True)
def test_enqueueing_joins_the_transaction() -> None:
    with transaction.atomic():
        gone = functions.add.enqueue(1)
        transaction.set_rollback(True)
    with transaction.atomic():
        kept = functions.add.enqueue(2)
        assert not seen_by_others(kept.id)

    with pytest.raises(TaskResultDoesNotExist):
        default_task_backend.get_result(gone.id)
    assert seen_by_others(kept.id)


def seen_by_others(task_id: str) -> bool:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM tasks_app_task WHERE id = %s", [task_id])
            return cursor.fetchone() is not None
    finally:
        other.close()


def test_the_signal_of_enqueueing() -> None:
    seen: list[Any] = []

    def receive(sender: type, task_result: Any, **kwargs: Any) -> None:
        seen.append((sender, task_result.id))

    task_enqueued.connect(receive)
    result = functions.add.enqueue(1)
    task_enqueued.disconnect(receive)

    assert seen == [(TaskplaneBackend, result.id)]


def test_a_cancelled_task_has_failed() -> None:
    result = functions.add.enqueue(1)
    stored = row(result.id)
    cancel_task(workspace_id=stored.workspace_id, task_id=stored.id, actor=SYSTEM)

    result.refresh()

    assert result.status == TaskResultStatus.FAILED
    assert result.is_finished
    assert result.finished_at is not None
    with pytest.raises(ValueError, match="Task failed"):
        _ = result.return_value


# --- what a stored name may call ----------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "subprocess.check_output",
        "builtins.eval",
        "tests.django_functions.no_task",  # a function, but no task
        "tests.django_functions.renamed",  # a task, but under another name
        "tests.django_functions.missing",
        "tests.django_functions.add.func",
        "django_tasks.task",
        "tasks_app.missing_module.add",
        "antigravity.fly",
    ],
)
def test_a_name_that_leads_to_no_task_is_never_called(path: str) -> None:
    with pytest.raises(NotATask):
        resolve_task(path)


def test_a_module_outside_the_installed_apps_is_not_even_imported() -> None:
    with pytest.raises(NotATask, match="not part of an installed app"):
        resolve_task("this.s")

    assert "this" not in sys.modules


def test_a_task_submitted_by_name_over_the_api_is_held_to_the_same() -> None:
    found = registry.get("django-task")
    payload = found.validate({"task": "os.system", "args": ["true"]})

    with pytest.raises(Fail):
        found.func(RecordingContext(), payload)
    for bad in ("os", "os.system; x", "..a.b", "a b.c", "a.b\n"):
        with pytest.raises(ValueError, match="task"):
            found.validate({"task": bad})


def test_a_task_under_another_name_cannot_be_enqueued() -> None:
    with pytest.raises(InvalidTaskError, match="could not find this task by its name"):
        functions.renamed.enqueue()


# --- execution, without a worker ----------------------------------------------------------------


def execute(result: Any, context: RecordingContext | None = None) -> Any:
    stored = row(result.id)
    found = registry.get(stored.type)
    context = context or RecordingContext()
    context.task_id = UUID(result.id)
    context.workspace_id = stored.workspace_id
    context.max_attempts = stored.max_attempts
    outcome = found.func(context, found.validate(stored.payload))
    return asyncio.run(outcome) if found.is_async else outcome


class Heard:
    """The signals of an execution, as (name, status) pairs."""

    def __init__(self) -> None:
        self.signals: list[tuple[str, str]] = []

    def started(self, sender: type, task_result: Any, **kwargs: Any) -> None:
        self.signals.append(("started", str(task_result.status)))

    def finished(self, sender: type, task_result: Any, **kwargs: Any) -> None:
        self.signals.append(("finished", str(task_result.status)))


@pytest.fixture
def heard() -> Any:
    listener = Heard()
    task_started.connect(listener.started)
    task_finished.connect(listener.finished)
    yield listener
    task_started.disconnect(listener.started)
    task_finished.disconnect(listener.finished)


def test_values_are_returned_as_json(heard: Heard) -> None:
    assert execute(functions.add.enqueue(1, b=2)) == 3
    assert execute(functions.double.enqueue(4)) == 8
    assert execute(functions.plain_types.enqueue()) == {"bytes": "text", "tuple": [1, 2]}
    assert heard.signals == [("started", "RUNNING"), ("finished", "SUCCESSFUL")] * 3


def test_errors_of_a_function_are_errors_of_the_attempt(heard: Heard) -> None:
    with pytest.raises(functions.TooManyCooksError, match="hot"):
        execute(functions.fail.enqueue("hot"))
    with pytest.raises(ValueError, match="async"):
        execute(functions.fail_async.enqueue())
    with pytest.raises(TypeError, match="Unsupported type"):
        execute(functions.not_json.enqueue())
    assert heard.signals == [("started", "RUNNING"), ("finished", "FAILED")] * 3


def test_an_attempt_that_will_be_repeated_has_not_finished(heard: Heard) -> None:
    with pytest.raises(functions.TooManyCooksError):
        execute(functions.fail.using(backend="patient").enqueue("hot"))

    assert heard.signals == [("started", "RUNNING")]


def test_a_broken_receiver_does_not_fail_the_work() -> None:
    def broken(sender: type, **kwargs: Any) -> None:
        raise RuntimeError("a receiver's own mistake")

    task_finished.connect(broken)
    try:
        assert execute(functions.add.enqueue(1)) == 1
    finally:
        task_finished.disconnect(broken)


def test_the_context_of_a_task() -> None:
    result = functions.attempt_of.enqueue()

    assert execute(result) == [1, result.id, "RUNNING", 1]


def test_functions_may_enqueue_others() -> None:
    made = execute(functions.chain.enqueue(5))

    assert default_task_backend.get_result(made).args == [5]


@pytest.mark.parametrize(
    ("name", "traceback", "expected"),
    [
        ("ValueError", "…\nValueError: no", "builtins.ValueError"),
        ("TooManyCooksError", "…\na.b.TooManyCooksError: hot\nsoup", "a.b.TooManyCooksError"),
        (
            "TooManyCooksError",
            "…\na.TooManyCooksError\n\nDuring…\n\nb.TooManyCooksError: x",
            "b.TooManyCooksError",
        ),
        ("a.b.C", "", "a.b.C"),
        ("TaskTimedOut", "", "tasks_app.processors.outcomes.TaskTimedOut"),
        ("WorkerLost", "", "builtins.RuntimeError"),
    ],
)
def test_the_path_of_an_error_class(name: str, traceback: str, expected: str) -> None:
    assert _class_path(name, traceback) == expected
