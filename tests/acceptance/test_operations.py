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
from django.db.models import QuerySet

from controlplane.core.clock import now
from controlplane.ops.operations.models import Operation
from controlplane.ops.schedules.models import Schedule
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from controlplane.workspaces.services import create_api_key
from tasks_app.models import Queue, Task
from tests.clients import default_workspace
from tests.engine import Engine
from tests.factories import make_job, make_queue, make_tasks

pytestmark = pytest.mark.django_db(transaction=True)

RETRY = {"target": "tasks", "action": "retry", "filter": {"status": ["FAILED"], "type": "bulk"}}
_TARGETS = ("schedules", "queues")
_WAIT_SECONDS = 300


def make_headers() -> dict[str, str]:
    made = create_api_key(
        workspace=default_workspace(), name="a test", role="operator", actor=SYSTEM
    )
    return {"Authorization": f"Bearer {made.secret}"}


def preview(client: httpx.Client, wanted: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/operations/preview", json=wanted)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def start(client: httpx.Client, token: str, **options: Any) -> Operation:
    answer = client.post("/operations", json={"token": token, "reason": "a test", **options})
    assert answer.status_code == 202, answer.text
    return Operation.objects.get(id=answer.json()["id"])


def list_changed(client: httpx.Client, operation: Operation) -> list[str]:
    """The objects that the operation lists as changed, page by page."""
    found: list[str] = []
    params: dict[str, Any] = {"outcome": "CHANGED", "limit": 200}
    while True:
        page = client.get(f"/operations/{operation.id}/items", params=params).json()
        found += [item["targetId"] for item in page["data"]]
        if page["nextCursor"] is None:
            return found
        params["cursor"] = page["nextCursor"]


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
    """A preview whose set changes, kills of app and dispatcher, a cancel, and the rest of it."""
    for _ in range(count // 1_000):
        make_tasks(1_000, "FAILED", type="bulk", queue="bulk")
    headers, url = make_headers(), engine.app()
    with Submitter(url, headers).running() as alone:
        engine.wait(lambda: len(alone.seconds) >= 100, "submissions to compare with")
    rate = 10_000 if count > 10_000 else 1_500
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        drift, operation = start_in_spite_of_drift(client, count, rate)
    total, dispatcher = operation.matched, engine.dispatcher()

    wait_for_progress(engine, operation, count // 10)
    dispatcher.kill()
    engine.apps[0].kill()
    killed_at = wait_for_progress(engine, operation, 1)
    assert killed_at < count
    url = engine.app()
    beside, second = Submitter(url, headers), engine.dispatcher()
    with beside.running(), httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        wait_for_progress(engine, operation, max(killed_at + 1, count // 2))
        rest = cancel_and_start_the_rest(client, operation, rate)
        wait_for_progress(engine, rest, rest.matched // 4)
        second.kill()
        engine.dispatcher()
        engine.wait(lambda: _has_completed(rest), "the end", _WAIT_SECONDS)
        changed = list_changed(client, operation) + list_changed(client, rest)

    operation.refresh_from_db()
    assert (operation.state, operation.total) == ("CANCELLED", total)
    assert (rest.total, operation.changed + rest.changed) == (total - operation.changed, total)
    assert len(changed) == total
    assert set(changed) == set(map(str, _retried().values_list("id", flat=True)))
    assert not _retried().exclude(state="PENDING").exists()
    retries = AuditEvent.objects.filter(action="task.retry")
    assert sum(event.detail.get("count", 1) for event in retries) == total
    with capsys.disabled():
        print(f"\n{drift} Killed at {killed_at:,}, cancelled at {operation.changed:,}, the rest.")
        print(f"alone: {alone.describe()}; beside {total:,} retries: {beside.describe()}")


def _retried() -> QuerySet[Task]:
    return Task.objects.filter(type="bulk")


def start_in_spite_of_drift(client: httpx.Client, count: int, rate: float) -> tuple[str, Operation]:
    """More tasks match than the preview saw: what the refusal says, and the operation on all."""
    token = preview(client, RETRY)["token"]
    make_tasks(10, "FAILED", type="bulk", queue="bulk")
    refused = client.post("/operations", json={"token": token, "reason": "a test"})
    assert refused.status_code == 409
    drift: str = refused.json()["detail"]
    assert drift == f"{count:,} matched then, {count + 10:,} now."
    return drift, start(client, token, ratePerSecond=rate, acceptDrift=True)


def cancel_and_start_the_rest(client: httpx.Client, operation: Operation, rate: float) -> Operation:
    """An operation on what the cancelled one did not come to."""
    cancelled = client.post(f"/operations/{operation.id}/cancel").json()
    assert cancelled["status"] == "CANCELLED"
    left = {"operation": str(operation.id), "rest": True}
    rest = preview(client, {"target": "tasks", "action": "retry", **left})
    assert rest["matched"] == cancelled["total"] - cancelled["done"]
    assert rest["consequence"].endswith("will run again.")
    return start(client, rest["token"], ratePerSecond=rate)


def _has_completed(operation: Operation) -> bool:
    operation.refresh_from_db()
    return operation.state == "COMPLETED"


@pytest.mark.nightly
def test_what_was_paused_for_maintenance_is_resumed_and_nothing_else(engine: Engine) -> None:
    """Five of fifty schedules and queues had been paused before. The dispatcher is killed while it
    pauses the others, and while it resumes exactly those."""
    for number in range(50):
        name, was_paused = f"row-{number:02}", number < 5
        make_job(name, enabled=not was_paused)
        make_queue(name, paused_at=now() if was_paused else None)
    before = {target: _running(target) for target in _TARGETS}
    assert {len(names) for names in before.values()} == {45}
    headers = make_headers()
    with httpx.Client(base_url=engine.app(), headers=headers, timeout=30) as client:
        paused = [
            start(client, preview(client, {
                "target": target, "action": "pause", "filter": {"search": "row-"},
            })["token"], ratePerSecond=15)
            for target in _TARGETS
        ]  # fmt: skip
        _carry_out(engine, paused)
        assert [each.changed for each in paused] == [45, 45]
        assert [_running(target) for target in _TARGETS] == [set(), set()]
        resumed = [_start_undo(client, each) for each in paused]
        _carry_out(engine, resumed)
    assert [each.changed for each in resumed] == [45, 45]
    assert {target: _running(target) for target in _TARGETS} == before
    again = AuditEvent.objects.filter(action="operation.end", detail__changed=45)
    assert again.count() == 4


def _start_undo(client: httpx.Client, paused: Operation) -> Operation:
    undo = preview(client, {
        "target": paused.target, "action": "resume", "operation": str(paused.id),
    })  # fmt: skip
    assert undo["matched"] == 45
    return start(client, undo["token"], ratePerSecond=15)


def _carry_out(engine: Engine, operations: list[Operation]) -> None:
    """By two dispatchers, of which the first is killed."""
    first = engine.dispatcher()
    for each in operations:
        assert wait_for_progress(engine, each, 5) < 45
    first.kill()
    second = engine.dispatcher()
    for each in operations:
        engine.wait(lambda each=each: _has_completed(each), "the end", _WAIT_SECONDS)
    second.kill()


def _running(target: str) -> set[str]:
    queues = Queue.objects.filter(name__startswith="row-", paused_at__isnull=True)
    schedules = Schedule.objects.filter(name__startswith="row-", periodic_task__enabled=True)
    rows = queues if target == "queues" else schedules
    return set(rows.values_list("name", flat=True))


def test_a_cancel_leaves_the_rest_as_it_was(engine: Engine) -> None:
    make_tasks(2_000, "FAILED", type="bulk", queue="bulk")
    headers = make_headers()
    with httpx.Client(base_url=engine.app(), headers=headers, timeout=30) as client:
        operation = start(client, preview(client, RETRY)["token"], ratePerSecond=300)
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
