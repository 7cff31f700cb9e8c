"""App, dispatcher and worker behind PgBouncer in transaction mode: docs/pooler.md.

All acceptance tests run behind it with TASKPLANE_TEST_POOLER=1; these are the ones that tell most
about sessions, for every day.
"""

import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from tasks_app.models import Task, TaskAttempt
from tests import pooler
from tests.clients import key_client
from tests.standing import StandingEngine

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        pooler.PROGRAM is None, reason="There is no pgbouncer: install it, with apt-get."
    ),
]


@pytest.fixture(scope="module")
def started(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StandingEngine]:
    folder = tmp_path_factory.mktemp("pooler")
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(pooler.WANTED, "1")
        with django_db_blocker.unblock():
            engine = StandingEngine(dict(os.environ), folder, concurrency=3)
    yield engine
    with django_db_blocker.unblock():
        engine.end()


@pytest.fixture
def behind(transactional_db: None, started: StandingEngine) -> Iterator[StandingEngine]:
    """Lent to one test."""
    yield from started.lend()


@pytest.fixture
def call(behind: StandingEngine) -> Callable[..., Any]:
    """Calls the app, which is behind the pooler; returns the answer."""
    url = behind.app()
    headers = {"Authorization": str(key_client().defaults["HTTP_AUTHORIZATION"])}

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = httpx.request(method, f"{url}{path}", json=body, headers=headers, timeout=30)
        assert answer.status_code < 300, answer.text
        is_json = answer.headers["content-type"].startswith("application/json")
        return answer.json() if is_json else answer.text

    return call


def ended(engine: StandingEngine, *ids: str) -> list[Task]:
    engine.wait_for_all(list(ids))  # type: ignore[arg-type] # their text will do
    found = {str(task.id): task for task in Task.objects.filter(id__in=ids)}
    return [found[each] for each in ids]


def test_tasks_of_every_kind(behind: StandingEngine, call: Callable[..., Any]) -> None:
    def submit(**fields: Any) -> str:
        return str(call("POST", "/tasks", {"name": "x", "type": "noop", **fields})["id"])

    many = call("POST", "/tasks/bulk", {"tasks": [{"name": "x", "type": "noop"}] * 300})["ids"]
    singles = [submit() for _ in range(30)]
    keyed = [submit(idempotencyKey="once") for _ in range(3)]
    later = submit(delay=300)
    flaky = submit(type="test-retry-later")
    raises = submit(type="test-raise")
    killed = submit(type="test-kill-self", payload={"times": 5})
    asynchronous = submit(type="test-work-async", payload={"ms": 20})
    child = submit(dependsOn=[many[0], later])
    assert len(set(keyed)) == 1

    tasks = ended(behind, *many, *singles, keyed[0], later, flaky, asynchronous, child)
    assert {task.state for task in tasks} == {"COMPLETED"}
    successes = TaskAttempt.objects.filter(outcome="SUCCEEDED")
    assert successes.filter(task_id__in=many).count() == 300
    states = [task.state for task in ended(behind, raises, killed)]
    assert states == ["FAILED", "FAILED"]
    assert TaskAttempt.objects.filter(task_id=killed, outcome="LOST").count() == 3
    letters = {each["taskId"] for each in call("GET", "/dlq/tasks")["data"]}
    assert letters == {raises, killed}
    exported = call("GET", "/tasks/export?format=ndjson&type=noop")
    assert len(exported.splitlines()) == len(many) + len(singles) + 3


def test_a_limit_is_exact_and_a_cancel_reaches_the_handler(
    behind: StandingEngine, call: Callable[..., Any]
) -> None:
    work = {"name": "x", "type": "test-work", "queue": "narrow", "payload": {"ms": 15}}
    call("POST", "/tasks", {**work, "payload": {"ms": 1}})
    call("PATCH", "/queues/narrow", {"maxRunning": 1})
    ids = call("POST", "/tasks/bulk", {"tasks": [work] * 12})["ids"]
    ended(behind, *ids)
    spans = TaskAttempt.objects.filter(task_id__in=ids).order_by("started_at")
    times = list(spans.values_list("started_at", "finished_at"))
    assert all(before[1] <= after[0] for before, after in pairwise(times))

    endless = call("POST", "/tasks", {"name": "x", "type": "test-long"})["id"]
    behind.wait_for(endless, state="RUNNING")
    call("DELETE", f"/tasks/{endless}")
    (task,) = ended(behind, endless)
    assert task.state == "CANCELLED"


def test_a_workflow_and_a_schedule(behind: StandingEngine, call: Callable[..., Any]) -> None:
    each = {"key": "each", "type": "test-echo", "payload": {"v": "{{ item }}"}}
    steps = [
        {**each, "forEach": "{{ input.l }}"},
        {"key": "all", "type": "test-merge", "dependsOn": ["each"]},
    ]
    made = call("POST", "/workflows", {"name": "pooled", "tasks": steps})
    run = call("POST", f"/workflows/{made['id']}/execute", {"input": {"l": list(range(20))}})
    job = call("POST", "/cron/jobs", {"name": "x", "schedule": "@every 1s", "taskType": "noop"})

    def status() -> str:
        return str(call("GET", f"/workflows/runs/{run['runId']}")["status"])

    behind.wait(lambda: status() == "COMPLETED", "the run")
    path = f"/cron/jobs/{job['id']}/executions?status=COMPLETED"
    done = behind.wait(lambda: call("GET", path)["data"][1:], "two executions")
    assert all(execution["taskId"] for execution in done)


def test_connections_really_take_turns(behind: StandingEngine, call: Callable[..., Any]) -> None:
    """More clients of the pooler than it has connections to the server."""
    call("GET", "/health/ready")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
        servers = cursor.fetchone()[0]
    port = int(behind.env["DATABASE_URL"].rpartition(":")[2].partition("/")[0])
    clients = [
        each
        for component in behind._started
        for process in [component.tree, *component.children()]
        for each in process.net_connections()
        if each.raddr and each.raddr.port == port
    ]
    assert 1 <= servers <= pooler.POOL_SIZE < len(clients)
