"""`health-check` and `cleanup` on real servers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import Settings

from controlplane.core.clock import now
from controlplane.ops.schedules.models import Firing
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.states import DEFAULT_WORKSPACE_ID
from tasks_app.models import IdempotencyKey, Task
from tasks_app.processors import registry
from tasks_app.processors.builtin.upkeep import examine
from tasks_app.services import cancel_task, retention, submit_task, submit_tasks
from tasks_app.signals import alert_raised
from tasks_app.specs import TaskSpec
from tests.clients import other_workspace
from tests.factories import make_firing, make_job, make_leader, make_node, make_queue, make_task
from tests.unit.processors.recording import RecordingContext

pytestmark = pytest.mark.django_db


def run(name: str, payload: dict[str, object], context: RecordingContext | None = None) -> Any:
    found = registry.get(name)
    return found.func(context or RecordingContext(), found.validate(payload))


@pytest.fixture
def context() -> RecordingContext:
    """A context in the workspace `default`, which checks for everybody."""
    context = RecordingContext()
    context.workspace_id = DEFAULT_WORKSPACE_ID
    return context


@pytest.fixture
def alerts() -> Iterator[list[dict[str, Any]]]:
    """The alerts that receivers got."""
    alerts: list[dict[str, Any]] = []

    def hear(**what: Any) -> None:
        alerts.append(what)

    alert_raised.connect(hear)
    yield alerts
    alert_raised.disconnect(hear)


def kinds(result: Any) -> list[str]:
    return [finding["kind"] for finding in result["findings"]]


def test_health_is_measured(context: RecordingContext, alerts: list[Any]) -> None:
    make_leader("dispatcher")
    make_node()
    make_task()

    result = run("health-check", {}, context)

    assert (result["status"], result["findings"], alerts) == ("ok", [], [])
    for part in ("database", "redis"):
        assert result[part]["status"] == "ok"
        assert 0 < result[part]["latencyMs"] < 5_000
    assert result["dispatcher"]["status"] == "ok"
    assert 0 <= result["dispatcher"]["lastPassAgoMs"] < 60_000
    assert result["workers"] == {"liveNodes": 1}
    assert (result["queues"]["ready"], result["queues"]["unserved"]) == (1, [])
    assert 0 <= result["queues"]["longestWaitMs"] < 60_000


def test_a_redis_that_is_away_is_a_finding(
    context: RecordingContext, alerts: list[Any], settings: Settings
) -> None:
    make_leader("dispatcher")
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    result = run("health-check", {}, context)

    assert (result["status"], result["database"]["status"]) == ("degraded", "ok")
    assert result["redis"] == {"status": "down", "latencyMs": None, "error": "ConnectionError"}
    assert context.lines[0].startswith("warning: Redis does not answer: ConnectionError")
    (alert,) = alerts
    assert (alert["kind"], alert["severity"]) == ("redis-away", "warning")
    assert "ConnectionError" in alert["message"]
    assert alert["detail"]["taskId"] == str(context.task_id)


def test_without_a_dispatcher(context: RecordingContext, alerts: list[Any]) -> None:
    assert kinds(run("health-check", {}, context)) == ["dispatcher-away"]
    make_leader("dispatcher", expires_at=now() - timedelta(seconds=1))
    result = run("health-check", {}, context)
    assert (result["status"], kinds(result)) == ("degraded", ["dispatcher-away"])
    assert [alert["severity"] for alert in alerts] == ["critical", "critical"]


def test_queues_that_nobody_serves(context: RecordingContext, alerts: list[Any]) -> None:
    make_leader("dispatcher")
    make_node(queues=["mail"])
    make_node(queues=["silent"], heartbeat_at=now() - timedelta(hours=1))
    for queue in ("mail", "silent", "video", "paused", "limited"):
        make_task(queue=queue)
    make_queue("paused", paused_at=now())
    make_queue("limited", max_running=1)

    result = run("health-check", {}, context)

    assert kinds(result) == ["queue-unserved"]
    assert sorted(result["queues"]["unserved"]) == ["silent", "video"]
    assert sorted(alerts[0]["detail"]["queues"]) == ["silent", "video"]
    assert "video" in alerts[0]["message"]


def test_a_long_wait(context: RecordingContext) -> None:
    make_leader("dispatcher")
    make_node()
    task = make_task(queue="slow", run_at=now() - timedelta(minutes=2))
    make_task()

    assert kinds(run("health-check", {}, context)) == []
    result = run("health-check", {"maxWaitSeconds": 60}, context)
    assert kinds(result) == ["long-wait"]
    assert result["findings"][0]["detail"]["queue"] == task.queue.name
    assert result["queues"]["longestWaitMs"] >= 120_000
    Task.objects.update(run_at=now() - timedelta(days=2))
    assert kinds(run("health-check", {}, context)) == ["long-wait"]
    assert kinds(run("health-check", {"maxWaitSeconds": None}, context)) == []


def test_another_workspace_looks_at_its_own_queues(context: RecordingContext) -> None:
    make_leader("dispatcher")
    make_task(queue="secret")
    context.workspace_id = other_workspace().id

    result = run("health-check", {}, context)

    assert (result["status"], "secret" in str(result)) == ("ok", False)


def test_without_a_database_it_is_down() -> None:
    away = {"status": "down", "latencyMs": None, "error": "OperationalError"}
    well = {"status": "ok", "latencyMs": 1.0}
    found = examine(away, well, workspace_id=DEFAULT_WORKSPACE_ID, max_wait_seconds=None)
    assert (found["status"], kinds(found)) == ("down", ["database-away"])
    assert "dispatcher" not in found


def test_a_receiver_that_fails_undoes_nothing(
    context: RecordingContext, alerts: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("the mail server is away")

    alert_raised.connect(fail)
    try:
        result = run("health-check", {}, context)
    finally:
        alert_raised.disconnect(fail)
    assert kinds(result) == ["dispatcher-away"]
    assert len(alerts) == 1
    assert "the mail server is away" in caplog.text


def make_history() -> None:
    """Three tasks that ended long ago, one that ended now, one that still waits."""
    ids = submit_tasks(specs=[TaskSpec(type="noop")] * 5)
    for task in Task.objects.filter(id__in=ids[:4]):
        cancel_task(workspace_id=task.workspace_id, task_id=task.id, actor=SYSTEM)
    days_ms = 400 * 24 * 3_600_000
    for task_id in ids[:3]:
        # The age of a task is in its id, too: the first 48 bits are its time in ms.
        old = UUID(int=task_id.int - (days_ms << 80))
        ended = timezone.now() - timedelta(days=399)
        Task.objects.filter(id=task_id).update(id=old, finished_at=ended)


def test_cleanup_removes_what_is_past_its_retention_and_nothing_else() -> None:
    make_history()
    submit_task(spec=TaskSpec(type="noop", idempotency_key="old"))
    IdempotencyKey.objects.update(expires_at=timezone.now() - timedelta(hours=1))

    result = run("cleanup", {})

    assert result["removed"]["tasks"] == 3
    assert result["removed"]["idempotencyKeys"] == 1
    assert Task.objects.count() == 3
    again = RecordingContext()
    assert sum(run("cleanup", {}, again)["removed"].values()) == 0
    assert "Removed 0 rows" in again.lines[0]


def test_cleanup_reports_each_kind_and_its_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches: what an app registered is asked until it has no more."""
    make_history()
    make_node("old", state="LOST", stopped_at=now() - timedelta(days=400))
    limits: list[int] = []

    def prune_parcels(limit: int) -> int:
        limits.append(limit)
        return min(limit, max(0, 1_500 - 1_000 * (len(limits) - 1)))

    monkeypatch.setitem(retention._pruners, "parcels", prune_parcels)
    context = RecordingContext()

    removed = run("cleanup", {"limit": 10_000}, context)["removed"]

    assert (removed["tasks"], removed["nodes"], removed["parcels"]) == (3, 1, 1_500)
    assert removed["auditEvents"] == 0
    assert limits == [1_000, 1_000, 1_000]
    assert context.percents == sorted(context.percents)
    assert 15 < context.percents[-1] < 16
    assert "'parcels': 1500" in context.lines[-1]


def test_cleanup_stops_at_its_limit() -> None:
    make_history()

    assert run("cleanup", {"limit": 2})["removed"]["tasks"] == 2
    assert run("cleanup", {"limit": 2})["removed"]["tasks"] == 1


def test_cleanup_includes_dead_letters_runs_and_firings() -> None:
    job = make_job()
    for days, state in ((400, "COMPLETED"), (400, "STARTED"), (1, "COMPLETED")):
        at = now() - timedelta(days=days, hours=len(state))
        make_firing(job, state, scheduled_for=at, decided_at=at)

    removed = run("cleanup", {})["removed"]

    assert removed["firings"] == 1
    assert {"deadLetters", "workflowRuns"} <= set(removed)
    assert Firing.objects.count() == 2
