"""Many claimers at once: no row twice, no limit exceeded, nobody's turn forgotten."""

import threading
import time
from collections import Counter
from uuid import UUID

import pytest
from django.db import connection, transaction

from controlplane.core.clock import now
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import Queue, Task, TaskAttempt
from tasks_app.services import submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.concurrency.racing import Racers
from tests.manual_worker import claim, register_node, store, success
from workers import services, transitions

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

CLAIMERS = 4


def work_until(node: int, queue: str, ends: float, want: int = 3) -> list[UUID]:
    """Claim and finish, as a pool child does, until the time is over; what was claimed."""
    mine = store(node, queue)
    claims, _ = mine.exchange([], want=want)
    seen: list[UUID] = []
    while time.monotonic() < ends:
        seen += [row.id for row in claims]
        claims, _ = mine.exchange([success(row) for row in claims], want=want)
    seen += [row.id for row in claims]
    mine.exchange([success(row) for row in claims])
    return seen


def test_claimers_never_share_a_row(eight: Racers) -> None:
    ids = submit_tasks(specs=[TaskSpec(type="noop", queue="shared")] * 2_000)
    nodes = [register_node() for _ in range(CLAIMERS)]

    def drain(node: int) -> list[UUID]:
        mine, seen = store(node, "shared"), []
        claims, _ = mine.exchange([], want=20)
        while claims:
            seen += [row.id for row in claims]
            claims, _ = mine.exchange([success(row) for row in claims], want=20)
        return seen

    shares = eight.race(*[lambda node=node: drain(node) for node in nodes])  # type: ignore[misc]
    times = Counter(task for share in shares for task in share)
    assert len(times) == len(ids)
    assert set(times.values()) == {1}
    assert Task.objects.filter(state="COMPLETED", attempt=1).count() == len(ids)
    assert TaskAttempt.objects.filter(outcome="SUCCEEDED").count() == len(ids)


def test_no_more_run_than_max_running(eight: Racers) -> None:
    Queue.objects.create(workspace_id=get_default_workspace_id(), name="narrow", max_running=2)
    submit_tasks(specs=[TaskSpec(type="noop", queue="narrow")] * 2_000)
    nodes = [register_node() for _ in range(CLAIMERS)]
    ends = time.monotonic() + 1.5
    most = 0
    is_over = threading.Event()

    def watch() -> None:
        nonlocal most
        while not is_over.is_set():
            most = max(most, Task.objects.filter(state="RUNNING").count())

    watcher = eight.start(watch)
    shares = eight.race(*[
        lambda node=node: work_until(node, "narrow", ends)  # type: ignore[misc]
        for node in nodes
    ])  # fmt: skip
    is_over.set()
    watcher.result(10)
    assert most == 2
    assert sum(len(share) for share in shares) > 50


def test_a_rate_is_kept_by_many_claimers(eight: Racers) -> None:
    rate, seconds = 40, 1.5
    Queue.objects.create(
        workspace_id=get_default_workspace_id(), name="rated", rate_per_second=rate
    )
    submit_tasks(specs=[TaskSpec(type="noop", queue="rated")] * 500)
    nodes = [register_node() for _ in range(CLAIMERS)]
    began = time.monotonic()
    ends = began + seconds
    shares = eight.race(*[
        lambda node=node: work_until(node, "rated", ends)  # type: ignore[misc]
        for node in nodes
    ])  # fmt: skip
    started = sum(len(share) for share in shares)
    # The row is a fraction of a second older than `began`; a bucket holds at most one second.
    assert started <= (time.monotonic() - began + 0.5) * rate + 1
    assert started >= seconds * rate * 0.6


def test_a_single_task_waits_for_no_foreign_backlog() -> None:
    """One workspace has 50,000 waiting, urgent and older; the other's turn comes all the same."""
    crowd = get_default_workspace_id()
    loner = Workspace.objects.create(name="Loner", slug="loner")
    submit_task(workspace_id=crowd, spec=TaskSpec(type="noop", queue="busy", priority=100))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO tasks_app_task (id, workspace_id, queue_id, type, name, state, priority,
                payload, max_attempts, round_attempts, timeout_ms, blocked_by, has_dependents,
                on_parent_failure, tags, created_at, attempt, lost_count, progress)
            SELECT gen_random_uuid(), workspace_id, queue_id, type, name, state, priority,
                payload, max_attempts, round_attempts, timeout_ms, blocked_by, has_dependents,
                on_parent_failure, tags, created_at, attempt, lost_count, progress
            FROM tasks_app_task, generate_series(1, 50000)
            """
        )
        cursor.execute("ANALYZE tasks_app_task")
    lonely = submit_task(workspace_id=loner.id, spec=TaskSpec(type="noop", queue="busy"))
    claims = claim(register_node(), want=2, queue="busy")
    assert lonely in {row.id for row in claims}
    assert len(claims) == 2


def test_a_small_batch_of_one_comes_round_to_every_workspace() -> None:
    crowd = get_default_workspace_id()
    loner = Workspace.objects.create(name="Loner", slug="loner")
    submit_tasks(workspace_id=crowd, specs=[TaskSpec(type="noop", queue="busy")] * 50)
    lonely = submit_task(workspace_id=loner.id, spec=TaskSpec(type="noop", queue="busy"))
    node = register_node()
    mine = store(node, "busy")
    first, _ = mine.exchange([], want=1)
    second, _ = mine.exchange([], want=1)
    assert lonely in {row.id for row in first + second}


def test_a_node_that_may_not_work_claims_nothing() -> None:
    submit_tasks(specs=[TaskSpec(type="noop", queue="free"), TaskSpec(type="noop", queue="tight")])
    Queue.objects.filter(name="tight").update(max_running=5)
    draining, stopped, lost = register_node(), register_node(), register_node()
    assert transitions.begin_drain(draining)
    services.stop_node(stopped)
    assert transitions.lose(lost, heartbeat=0)
    for node in (draining, stopped, lost):
        assert claim(node, queue="free") == []
        assert claim(node, queue="tight") == []
    assert len(claim(register_node(), queue="free")) == 1


def test_a_paused_queue_gives_nothing_out() -> None:
    submit_tasks(specs=[TaskSpec(type="noop", queue="free"), TaskSpec(type="noop", queue="tight")])
    Queue.objects.filter(name="tight").update(max_running=5)
    node = register_node()
    Queue.objects.update(paused_at=now())
    assert claim(node, queue="free") == claim(node, queue="tight") == []
    Queue.objects.update(paused_at=None)
    assert len(claim(node, queue="free") + claim(node, queue="tight")) == 2


def test_a_locked_row_holds_no_claimer_up(eight: Racers) -> None:
    first, second = submit_tasks(specs=[TaskSpec(type="noop", queue="held")] * 2)
    node = register_node()
    with transaction.atomic():
        assert Task.objects.select_for_update().get(id=first).state == "PENDING"
        claims = eight.start(lambda: claim(node, want=2, queue="held")).result(10)
        assert [row.id for row in claims] == [second]
