"""Pool children that wait for wake-ups also run what comes another way."""

from functools import partial
from pathlib import Path

import pytest
from celery import current_app

from tasks_app import wakeups
from tasks_app.models import Task
from tasks_app.services import submit_task
from tasks_app.specs import TaskSpec
from tasks_app.wakeup_senders import MessageSender
from tests.engine import Component, Engine
from workers.models import Node


@pytest.fixture
def worker(engine: Engine) -> Component:
    """Two slots, and no dispatcher that would send a wake-up again."""
    modules = "tests.handlers,tests.plain_celery_tasks"
    return engine.worker(concurrency=2, TASKPLANE_PROCESSORS=modules)


def spec(ms: int) -> TaskSpec:
    return TaskSpec(type="test-work", payload={"ms": ms})


def read_pids(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def send_plain(file: Path) -> None:
    current_app.send_task("tests.leave_pid", args=[str(file)], queue="celery")


def has_run(file: Path, times: int) -> bool:
    return len(read_pids(file)) == times


def await_running(engine: Engine, count: int) -> None:
    engine.wait(
        lambda: Task.objects.filter(state="RUNNING").count() == count, f"{count} running tasks"
    )


def test_a_plain_celery_task_takes_a_slot_that_waits_and_gives_it_back(
    engine: Engine, worker: Component, tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    long = submit_task(spec=spec(20_000))
    await_running(engine, 1)
    for number in range(1, 6):
        send_plain(file)
        engine.wait(partial(has_run, file, number), "the plain task")
    assert len(set(read_pids(file))) == 1
    assert Task.objects.get(id=long).state == "RUNNING"

    submit_task(spec=spec(20_000))
    await_running(engine, 2)  # in the slot that the plain tasks had
    assert worker.stop(15) == 0


def test_tasks_that_come_one_by_one_are_all_found(engine: Engine, worker: Component) -> None:
    """Their wake-ups are early, and nobody sends another."""
    for _ in range(40):
        engine.wait_for_all([submit_task(spec=spec(0))])


def test_wake_ups_by_celery_messages_are_followed(
    engine: Engine, worker: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As processes of an earlier release, and installations with another broker, send them."""
    monkeypatch.setattr(wakeups._notifier, "notify", lambda *_: None)
    sender = MessageSender()
    for _ in range(3):
        task = submit_task(spec=spec(0))
        sender.send("default", 1)
        engine.wait_for_all([task])
    sender.close()


def test_a_worker_that_waits_stops_within_its_grace(engine: Engine, worker: Component) -> None:
    """Celery and its pool take two to three seconds to stop, whatever the children do."""
    assert worker.stop(12) == 0
    assert Node.objects.get().state == "STOPPED"
