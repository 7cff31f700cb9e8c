"""Schedules that start workflows."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from controlplane.core.errors import Invalid
from controlplane.ops.schedules.firing import fire_due
from controlplane.ops.schedules.models import Firing
from controlplane.ops.schedules.starting import due_to_start
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tests.factories import make_schedule
from tests.factories.schedules import (
    HOUR,
    MINUTE,
    SECOND,
    history,
    record_ends,
    reload,
    start_queued,
    update,
)
from tests.workflow_worker import define
from workflows import authoring, runs
from workflows.queries import get_run

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 3, 3, 12, 0, tzinfo=UTC)
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture
def workflow() -> UUID:
    return define({"key": "a", "payload": {}}, inputSchema=SCHEMA)


def cancel(firing: Firing) -> None:
    runs.cancel_run(workspace_id=get_default_workspace_id(), run_id=firing.run_id, actor=SYSTEM)


def test_a_due_time_starts_a_run_which_is_settled(workflow: UUID) -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, workflow_id=workflow, payload={"n": 1})
    fire_due(now=NOON + 10 * MINUTE)
    firing = Firing.objects.get()
    run = get_run(get_default_workspace_id(), firing.run_id)
    assert (firing.state, run.input, run.started_by) == (
        "STARTED", {"n": 1}, f"schedule {schedule.name}",
    )  # fmt: skip
    assert record_ends() == 0
    fire_due(now=NOON + 20 * MINUTE)
    assert history(schedule)[-1] == "12:20 OVERLAP"
    cancel(firing)
    assert record_ends() == 1
    firing.refresh_from_db()
    assert firing.state == "CANCELLED"
    assert firing.finished_at is not None
    fire_due(now=NOON + 30 * MINUTE)
    assert history(schedule)[-1] == "12:30 STARTED"


def test_jitter_of_a_run_is_waited_for_here(workflow: UUID) -> None:
    schedule = make_schedule(
        "0 12 * * *", since=NOON - HOUR, workflow_id=workflow, payload={"n": 1}, jitter_ms=600_000
    )
    fire_due(now=NOON)
    due = due_to_start(schedule, NOON)
    assert NOON < due <= NOON + 10 * MINUTE
    assert start_queued(now=due - SECOND) == 0
    assert history(schedule) == ["12:00 QUEUED"]
    assert start_queued(now=due) == 1
    assert Firing.objects.get().run_id is not None


def test_the_input_is_held_against_the_schema(workflow: UUID) -> None:
    with pytest.raises(Invalid) as refused:
        make_schedule(workflow_id=workflow, payload={"n": "one"})
    assert [error["field"] for error in refused.value.errors] == ["payload.n"]
    with pytest.raises(Invalid) as refused:
        make_schedule(workflow_id=uuid4())
    assert [error["field"] for error in refused.value.errors] == ["workflowId"]


def test_an_input_that_no_longer_fits_fails_its_firings(workflow: UUID) -> None:
    schedule = make_schedule("*/10 * * * *", since=NOON, workflow_id=workflow, payload={"n": 1})
    authoring.delete_workflow(
        workspace_id=get_default_workspace_id(), workflow_id=workflow, actor=SYSTEM
    )
    fire_due(now=NOON + 10 * MINUTE)
    fire_due(now=NOON + 20 * MINUTE)
    assert history(schedule) == ["12:10 FAILED", "12:20 FAILED"]
    assert Firing.objects.first().error["class"] == "NotFound"


def test_a_task_takes_the_place_of_a_workflow_and_back(workflow: UUID) -> None:
    schedule = make_schedule(workflow_id=workflow, payload={"n": 1})
    update(schedule, task_type="test-echo")
    assert reload(schedule).workflow_id is None
    update(schedule, workflow_id=workflow)
    assert reload(schedule).task_type == ""
