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
    """Insert `number` more rows like this one in one statement; columns are SQL of `n`, from 1."""
    _insert_like(task, number, key="id", **expressions)


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
    first = AttemptFactory.create(task_id=uuid7(), **values)
    _insert_like(first, number - 1, key="task_id")


def _insert_like(row: Task | TaskAttempt, number: int, key: str, **expressions: str) -> None:
    columns = [field.column for field in row._meta.concrete_fields]
    changed = {key: "gen_random_uuid()", **expressions}
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {row._meta.db_table} ({', '.join(columns)})"
            f" SELECT {', '.join(changed.get(column, column) for column in columns)}"
            f" FROM {row._meta.db_table}, generate_series(1, %s) n WHERE {key} = %s",
            [number, getattr(row, key)],
        )
