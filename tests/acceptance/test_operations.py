"""A bulk operation while the app and the dispatcher are killed: each object once, and submissions
beside it."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

from controlplane.ops.operations.models import Operation
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from controlplane.workspaces.services import create_api_key
from tasks_app.models import Task
from tests.clients import default_workspace
from tests.engine import Engine
from tests.factories import make_tasks

pytestmark = pytest.mark.django_db(transaction=True)

RETRY = {"target": "tasks", "action": "retry", "filter": {"status": ["FAILED"], "type": "bulk"}}
_WAIT_SECONDS = 300


def make_headers() -> dict[str, str]:
    made = create_api_key(
        workspace=default_workspace(), name="a test", role="operator", actor=SYSTEM
    )
    return {"Authorization": f"Bearer {made.secret}"}


def start(client: httpx.Client, **options: Any) -> Operation:
    preview = client.post("/operations/preview", json=RETRY).raise_for_status().json()
    body = {"token": preview["token"], "reason": "a test", **options}
    answer = client.post("/operations", json=body)
    assert answer.status_code == 202, answer.text
    return Operation.objects.get(id=answer.json()["id"])


class Submitter:
    """Submits a task every ten milliseconds, and measures each call."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._client = httpx.Client(base_url=url, headers=headers, timeout=10)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._submit)
        self.seconds: list[float] = []

    def _submit(self) -> None:
        while not self._is_over.wait(0.01):
            before = time.perf_counter()
            with suppress(httpx.TransportError):  # the app is killed
                answer = self._client.post("/tasks", json={"type": "noop", "queue": "beside"})
                assert answer.status_code == 201
                self.seconds.append(time.perf_counter() - before)

    @contextmanager
    def running(self) -> Iterator["Submitter"]:
        self._thread.start()
        yield self
        self._is_over.set()
        self._thread.join()
        self._client.close()

    def describe(self) -> str:
        percentiles = statistics.quantiles(self.seconds, n=100)
        p50, p99 = (percentiles[each] * 1_000 for each in (49, 98))
        return f"{len(self.seconds)} submissions, p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def wait_for_progress(engine: Engine, operation: Operation, done: int) -> int:
    """Wait until at least this number of items is done. Returns how many are."""

    def read() -> int:
        operation.refresh_from_db()
        return operation.submitted if operation.submitted >= done else 0

    found: int = engine.wait(read, f"{done} items", _WAIT_SECONDS)
    return found


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(3_000, id="some"),
        pytest.param(50_000, id="many", marks=pytest.mark.nightly),
    ],
)
def test_each_task_is_retried_once_although_everything_is_killed(
    engine: Engine, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(count // 1_000):
        make_tasks(1_000, "FAILED", type="bulk", queue="bulk")
    ids = set(map(str, Task.objects.values_list("id", flat=True)))
    headers, url = make_headers(), engine.app()
    with Submitter(url, headers).running() as alone:
        time.sleep(3)
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        operation = start(client, ratePerSecond=10_000 if count > 10_000 else 1_500)
    dispatcher = engine.dispatcher()

    wait_for_progress(engine, operation, count // 10)
    dispatcher.kill()
    engine.apps[0].kill()
    killed_at = wait_for_progress(engine, operation, 1)
    assert killed_at < count
    beside = Submitter(engine.app(), headers)
    second = engine.dispatcher()
    with beside.running():
        wait_for_progress(engine, operation, max(killed_at + 1, count // 2))
        second.kill()
        engine.dispatcher()
        wait_for_progress(engine, operation, count)

    operation.refresh_from_db()
    assert (operation.state, operation.total, operation.changed) == ("COMPLETED", count, count)
    items = operation.items.values_list("target_id", flat=True)
    assert set(items.filter(outcome="CHANGED")) == ids
    assert not Task.objects.filter(type="bulk").exclude(state="PENDING").exists()
    retries = AuditEvent.objects.filter(action="task.retry")
    assert sum(event.detail.get("count", 1) for event in retries) == count
    with capsys.disabled():
        print(f"\nalone: {alone.describe()}; beside {count:,} retries: {beside.describe()}")


def test_a_cancel_leaves_the_rest_as_it_was(engine: Engine) -> None:
    make_tasks(2_000, "FAILED", type="bulk", queue="bulk")
    headers = make_headers()
    with httpx.Client(base_url=engine.app(), headers=headers, timeout=30) as client:
        operation = start(client, ratePerSecond=300)
        engine.dispatcher()
        wait_for_progress(engine, operation, 200)
        answer = client.post(f"/operations/{operation.id}/cancel")

    assert answer.json()["status"] == "CANCELLED"
    operation.refresh_from_db()
    done = operation.submitted
    assert 200 <= done < 2_000
    assert operation.items.exclude(outcome="").count() == done
    assert Task.objects.filter(type="bulk", state="PENDING").count() == operation.changed == done
    time.sleep(1)
    operation.refresh_from_db()
    assert operation.submitted == done
