"""Rows and looks for the tests of what the autoscaler measures."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import connection

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from scaling.configuration import Configuration
from scaling.crew import Crew
from scaling.selectors.demand import Observer
from scaling.strategies import Demand
from tasks_app.models import Task, TaskAttempt
from tests.clients import default_workspace
from tests.factories import make_queue

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def make_crew(**changes: Any) -> Crew:
    """One ready worker of two slots."""
    values: dict[str, Any] = {
        "ready": (1,),
        "draining": (),
        "starting": (),
        "startup": 30.0,
        "slots": 2,
    }
    return Crew(**{**values, **changes})


def make_configuration(**changes: Any) -> Configuration:
    """The environment's, with these changes."""
    return Configuration.from_environment().changed(changes)


def look(*queues: str, crew: Crew | None = None, **changes: Any) -> Demand:
    """The first look of an observer of these queues, or of all."""
    return Observer(queues or ["*"]).look(crew or make_crew(), make_configuration(**changes))


def make_tasks(
    number: int, state: str = "PENDING", *, queue: str = "default", **fields: Any
) -> list[Task]:
    """Many tasks at once; running ones on node 1."""
    values: dict[str, Any] = {
        "workspace": default_workspace(),
        "type": "noop",
        "name": "noop",
        "state": state,
        "max_attempts": 3,
        "round_attempts": 3,
        "timeout_ms": 60_000,
    }
    if state == "RUNNING":
        values |= {"lease": uuid4(), "node_id": 1, "attempt": 1, "started_at": now()}
    values |= fields
    values["queue"] = make_queue(queue, values["workspace"])
    return Task.objects.bulk_create(Task(id=uuid7(), **values) for _ in range(number))


def multiply(task: Task, number: int, **expressions: str) -> None:
    """So many more rows like this one in one statement; columns are SQL of `n`, from 1."""
    columns = {"id": "gen_random_uuid()", **expressions}
    changes = ", ".join(f"'{column}', {sql}" for column, sql in columns.items())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tasks_app_task"
            f" SELECT (jsonb_populate_record(t, jsonb_build_object({changes}))).*"
            " FROM tasks_app_task t, generate_series(1, %s) n WHERE t.id = %s",
            [number, task.id],
        )


def make_attempts(
    number: int, seconds: float, *, ago: float = 0, queue: str = "default", **fields: Any
) -> None:
    """Attempts that took so long and ended so many seconds ago."""
    lane = make_queue(queue)
    end = now() - ago * SECOND
    values: dict[str, Any] = {
        "workspace_id": lane.workspace_id,
        "queue_id": lane.id,
        "type": "noop",
        "node_id": 1,
        "outcome": "SUCCEEDED",
        "wait_ms": 5,
        "started_at": end - seconds * SECOND,
        "finished_at": end,
    }
    TaskAttempt.objects.bulk_create(
        TaskAttempt(task_id=uuid7(), attempt=1, **{**values, **fields}) for _ in range(number)
    )
