"""From `schedules.py` to schedules of the workspace `default`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import Settings

from controlplane.core.errors import Conflict
from controlplane.ops.schedules import code_sync, declarations, editing
from controlplane.ops.schedules.models import Schedule
from controlplane.ops.schedules.queries import describe, get_schedule
from controlplane.ops.schedules.states import Source
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from controlplane.workspaces.states import DEFAULT_WORKSPACE_ID
from tests.factories import make_job

pytestmark = pytest.mark.django_db
Declare = Callable[..., None]
Sync = Callable[[], list[str]]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Declares, in this module; a name that is declared again replaces its declaration."""
    declarations.discover()
    known = dict(declarations._declared)
    monkeypatch.setattr(declarations, "_declared", known)
    monkeypatch.setattr(declarations, "_faults", {})

    def declare(name: str, when: str | None = "@daily", **more: Any) -> None:
        known.pop(f"{__name__}:{name}", None)
        if when is not None:
            declarations.schedule(name, when, **{"task_type": "noop", **more})

    return declare


@pytest.fixture
def sync(declare: Declare) -> Sync:
    def run() -> list[str]:
        return [f"{fault.where}: {fault.message}" for fault in code_sync.sync_code_schedules()]

    return run


def get(name: str) -> Schedule:
    return get_schedule(DEFAULT_WORKSPACE_ID, Schedule.objects.get(name=name).id)


def set_enabled(name: str, enabled: bool) -> None:
    editing.update_schedule(
        workspace_id=DEFAULT_WORKSPACE_ID,
        schedule_id=get(name).id,
        changes={"enabled": enabled},
        actor=SYSTEM,
    )


def is_enabled(name: str) -> bool:
    return describe(get(name)).enabled


def test_the_shipped_jobs(sync: Sync) -> None:
    assert sync() == []
    health, cleanup = get("System health check"), get("Clean-up")
    assert (health.task_type, describe(health).text) == ("health-check", "*/5 * * * *")
    assert (cleanup.task_type, describe(cleanup).text) == ("cleanup", "0 2 * * *")
    for job in (health, cleanup):
        assert (job.workspace_id, job.source) == (DEFAULT_WORKSPACE_ID, Source.CODE)
        assert describe(job).enabled
        assert job.next_at is not None
        assert job.created_by == "controlplane.ops.schedules.schedules"


def test_every_value_arrives_and_a_second_time_nothing_happens(
    declare: Declare, sync: Sync
) -> None:
    declare(
        "all", "0 3 * * *", task_type="sleep", payload={"ms": 1}, timezone="Asia/Tokyo",
        overlap="queue", catch_up=True, catch_up_max=3, jitter_ms=5, queue="q", priority=2,
        max_attempts=4, start_at=datetime(2030, 1, 1, tzinfo=UTC),
        end_at=datetime(2031, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    declare("paused", enabled=False)
    assert sync() == []
    job = get("all")
    view = describe(job)
    assert (view.text, view.timezone, view.enabled) == ("0 3 * * *", "Asia/Tokyo", True)
    assert (view.start_at, view.end_at) == (
        datetime(2030, 1, 1, tzinfo=UTC),
        datetime(2031, 1, 1, tzinfo=UTC),
    )
    assert (job.task_type, job.payload, job.overlap) == ("sleep", {"ms": 1}, "queue")
    assert (job.catch_up, job.catch_up_max, job.jitter_ms) == (True, 3, 5)
    assert (job.queue, job.priority, job.max_attempts) == ("q", 2, 4)
    assert not is_enabled("paused")
    before = list(Schedule.objects.values())
    events = AuditEvent.objects.count()
    assert sync() == []
    assert list(Schedule.objects.values()) == before
    assert AuditEvent.objects.count() == events


def test_a_changed_declaration_changes_its_schedule(declare: Declare, sync: Sync) -> None:
    declare("x", priority=1)
    sync()
    first = get("x").id
    declare("x", "@hourly", task_type="sleep", payload={"ms": 1})
    assert sync() == []
    job = get("x")
    assert job.id == first
    assert (job.task_type, job.payload, job.priority) == ("sleep", {"ms": 1}, 0)
    assert describe(job).text == "0 * * * *"


def test_what_a_person_paused_stays_paused(declare: Declare, sync: Sync) -> None:
    declare("x")
    sync()
    set_enabled("x", False)
    declare("x", priority=5)
    assert sync() == []
    assert (is_enabled("x"), get("x").priority) == (False, 5)
    set_enabled("x", True)
    declare("x", enabled=False)
    sync()
    assert is_enabled("x")


def test_what_is_no_longer_declared_is_paused_with_a_note(declare: Declare, sync: Sync) -> None:
    declare("x")
    sync()
    job = get("x").id
    # Often its type goes with it.
    Schedule.objects.filter(id=job).update(task_type="gone")
    declare("x", None)
    assert sync() == []
    assert not is_enabled("x")
    assert __name__ in get("x").periodic_task.description
    events = AuditEvent.objects.count()
    assert sync() == []
    assert AuditEvent.objects.count() == events
    declare("x")
    assert sync() == []
    assert (get("x").id, is_enabled("x")) == (job, True)
    assert get("x").periodic_task.description == ""


def test_what_was_paused_before_it_went_comes_back_paused(declare: Declare, sync: Sync) -> None:
    declare("x")
    sync()
    set_enabled("x", False)
    declare("x", None)
    sync()
    declare("x")
    assert sync() == []
    assert not is_enabled("x")


def test_only_what_is_gone_can_be_removed(declare: Declare, sync: Sync) -> None:
    declare("x")
    sync()
    job = get("x").id
    remove = {"workspace_id": DEFAULT_WORKSPACE_ID, "schedule_id": job, "actor": SYSTEM}
    with pytest.raises(Conflict, match="declared in"):
        editing.delete_schedule(**remove)
    declare("x", None)
    sync()
    editing.delete_schedule(**remove)
    assert sync() == []
    assert not Schedule.objects.filter(name="x").exists()


def test_broken_ones_are_left_out_and_the_rest_is_made(declare: Declare, sync: Sync) -> None:
    make_job("taken")
    declare("taken")
    declare("no type", task_type="noob")
    declare("no workflow", task_type=None, workflow="nowhere")
    declare("no time", "soon")
    declare("no number", priority="high")
    declare("fine")
    sentence = sync()
    assert len(sentence) == 5
    for name, words in {
        "taken": "already",
        "no type": "Did you mean 'noop'?",
        "no workflow": "no workflow",
        "no time": "schedule: ",
        "no number": "",
    }.items():
        (fault,) = (each for each in sentence if each.startswith(f"{__name__}:{name}: "))
        assert words in fault
    assert is_enabled("fine")
    assert get("taken").source == Source.PERSON
    assert not Schedule.objects.filter(name__startswith="no ").exists()


def test_schedules_of_a_module_that_fails_go_on(
    declare: Declare, sync: Sync, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows what it would declare."""
    declare("x")
    sync()
    declare("x", None)
    settings.TASKPLANE_SCHEDULES = ["nowhere.schedules"]
    Schedule.objects.filter(name="x").update(code_name="nowhere.schedules:x")
    assert "nowhere.schedules: The module fails with ModuleNotFoundError" in sync()[0]
    assert is_enabled("x")


def test_the_dispatcher_logs_a_fault_once(
    declare: Declare, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    declare("x", "soon")
    sweep = code_sync.make_code_sync()
    assert not sweep()
    assert not sweep()
    logged = [
        record.message for record in caplog.records if "Declaration ignored" in record.message
    ]
    assert len(logged) == 1
    assert f"{__name__}:x" in logged[0]
    declare("x")
    sweep()
    assert is_enabled("x")
