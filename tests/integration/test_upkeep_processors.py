"""`health-check` and `cleanup` on real servers."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import Settings

from controlplane.workspaces.actors import SYSTEM
from tasks_app.models import IdempotencyKey, Task
from tasks_app.processors import registry
from tasks_app.services import cancel_task, submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.unit.processors.recording import RecordingContext

pytestmark = pytest.mark.django_db


def run(name: str, payload: dict[str, object], context: RecordingContext | None = None) -> Any:
    found = registry.get(name)
    return found.func(context or RecordingContext(), found.validate(payload))


def test_health_is_measured() -> None:
    result = run("health-check", {})

    assert result["status"] == "ok"
    for part in ("database", "redis"):
        assert result[part]["status"] == "ok"
        assert 0 < result[part]["latencyMs"] < 5_000


def test_a_redis_that_is_away_is_a_finding(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    context = RecordingContext()

    result = run("health-check", {}, context)

    assert (result["status"], result["database"]["status"]) == ("degraded", "ok")
    assert result["redis"] == {"status": "down", "latencyMs": None, "error": "ConnectionError"}
    assert context.lines == ["warning: Redis does not answer: ConnectionError {}"]


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
    assert sum(run("cleanup", {})["removed"].values()) == 0


def test_cleanup_stops_at_its_limit() -> None:
    make_history()

    assert run("cleanup", {"limit": 2})["removed"]["tasks"] == 2
    assert run("cleanup", {"limit": 2})["removed"]["tasks"] == 1
