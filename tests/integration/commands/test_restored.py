"""`manage.py restored`."""

import pytest

from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Queue, TaskLog
from tasks_app.services import restored
from tests.factories import make_queue, make_task, make_tasks
from tests.integration.commands.running import run

pytestmark = pytest.mark.django_db


def test_every_queue_is_paused_and_every_unfinished_task_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(restored, "_PART", 3)  # several parts
    unfinished = [
        make_task(queue="mail"),
        make_task(queue="mail", state="RUNNING"),
        make_task(queue="slow", state="SCHEDULED"),
        *make_tasks(4, queue="mail"),
    ]
    ended = [make_task(queue="mail", state=state) for state in ("COMPLETED", "FAILED", "CANCELLED")]
    make_queue("held", paused_at=unfinished[0].created_at, pause_reason="a storm")
    ran = run("restored", "--yes")
    assert "Paused 3 queues." in ran.out
    assert "7 tasks may have run since the backup:" in ran.out
    assert "default / mail: 6" in ran.out
    assert "default / held: 0, was paused before" in ran.out
    queues = {each.name: each for each in Queue.objects.all()}
    assert all(each.paused_at for each in queues.values())
    assert queues["mail"].pause_reason.startswith("Restored from a backup of ")
    assert queues["held"].pause_reason == "a storm"
    noted = set(TaskLog.objects.values_list("task_id", flat=True))
    assert noted == {each.id for each in unfinished}
    assert noted.isdisjoint(each.id for each in ended)
    line = TaskLog.objects.first()
    assert line is not None
    assert (line.level, "may have run since" in line.message) == ("WARNING", True)
    event = AuditEvent.objects.get(action="tasks.restored")
    assert event.detail["unfinished"] == 7


def test_as_json_and_in_an_empty_database() -> None:
    found = run("restored", "--yes", "--json").json
    assert found["queues"] == []
    make_task(queue="mail")
    found = run("restored", "--yes", "--json").json
    assert found["queues"] == [
        {"workspace": "default", "queue": "mail", "unfinished": 1, "wasPaused": False}
    ]
    assert found["backupAt"].endswith("Z")


def test_again_pauses_nothing_twice() -> None:
    make_task(queue="mail")
    run("restored", "--yes")
    since = Queue.objects.get().paused_at
    run("restored", "--yes")
    assert Queue.objects.get().paused_at == since
