"""Rows and looks for the tests of what the autoscaler measures."""

from datetime import timedelta
from typing import Any

from django.db import connection

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from scaling.queries.demand import Observer, WorkerCounts
from scaling.queries.pool import get_environment, validate
from scaling.schema import Configuration
from scaling.strategies import Demand, Settings
from tasks_app.models import Task, TaskAttempt
from tests.factories import make_queue
from tests.factories.tasks import AttemptFactory

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def make_counts(**changes: Any) -> WorkerCounts:
    """One ready worker of two slots."""
    values: dict[str, Any] = {
        "ready": (1,),
        "draining": (),
        "starting": (),
        "startup": 30.0,
        "slots": 2,
    }
    return WorkerCounts(**{**values, **changes})


def make_configuration(**changes: Any) -> Configuration:
    """The environment's, with these changes."""
    return validate({**get_environment(), **changes})


def make_settings(**changes: Any) -> Settings:
    """What a strategy is given for workers of two slots."""
    return Settings(**make_configuration(**changes).to_json(), slots=2)


def look(*queues: str, counts: WorkerCounts | None = None, **changes: Any) -> Demand:
    """The first look of an observer of these queues, or of all."""
    return Observer(queues or ["*"]).look(counts or make_counts(), make_configuration(**changes))


def multiply(task: Task, number: int, **expressions: str) -> None:
    """Insert `count` more rows like this one in one statement; columns are SQL of `n`, from 1."""
    columns = {"id": "gen_random_uuid()", **expressions}
    changes = ", ".join(f"'{column}', {sql}" for column, sql in columns.items())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tasks_app_task"
            f" SELECT (jsonb_populate_record(t, jsonb_build_object({changes}))).*"
            " FROM tasks_app_task t, generate_series(1, %s) n WHERE t.id = %s",
            [number, task.id],
        )


def make_lane_attempts(
    number: int, seconds: float, *, ago: float = 0, queue: str = "default", **fields: Any
) -> None:
    """Attempts that took this long and ended `ago` seconds ago."""
    lane = make_queue(queue)
    end = now() - ago * SECOND
    values = {
        "workspace_id": lane.workspace_id,
        "queue_id": lane.id,
        "type": "noop",
        "started_at": end - seconds * SECOND,
        "finished_at": end,
        **fields,
    }
    TaskAttempt.objects.bulk_create(
        AttemptFactory.build(task_id=uuid7(), **values) for _ in range(number)
    )
