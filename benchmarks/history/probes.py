"""Calls inside one process with Django, timed, beside whatever history its database has:
`python -m benchmarks.history.probes`. Prints JSON.
"""

import argparse
import io
import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from importlib.resources import files
from typing import Any
from uuid import UUID, uuid4

import django
import psutil
import psycopg

_WARM_UP = 3
_ENDED, _PLAIN, _BY_PRIORITY = ("mail", "reports"), "backlog", "backlog-by-priority"
_PRUNE, _PRUNED = "prune 1,000 tasks", 1_000
_SUBMIT = "submit_task"
_NODE, _ADMIN = "history", "bench"


def fill(waiting: int, ended: int, expired: int) -> dict[str, Any]:
    """Fill an empty database: see fill.sql. Counts, statistics and visibility maps are as if it had
    been in use."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from controlplane.core.clock import now
    from controlplane.workspaces.queries import get_default_workspace_id
    from dlq.recording import fold_letter_counts
    from tasks_app.models import Queue
    from tasks_app.services.rollups import fold_counts, recompute_rollups, recount_tasks
    from workers.models import Node

    workspace, at = get_default_workspace_id(), now()
    get_user_model().objects.create_superuser(_ADMIN)
    node = Node.objects.create(
        name=_NODE, host=_NODE, pid=1, version="0", queues=["*"], concurrency=2,
        state="STOPPED", stopped_at=at, started_at=at - timedelta(days=29),
    )  # fmt: skip
    queues = [
        Queue.objects.get_or_create(workspace_id=workspace, name=name)[0].id for name in _ENDED
    ]
    for name in (_PLAIN, _BY_PRIORITY):
        paused = Queue.objects.create(workspace_id=workspace, name=name, paused_at=at)
        queues.append(paused.id)
    values = {"workspace": workspace, "node": node.id, "queues": queues}
    values |= {"waiting": waiting, "ended": ended, "expired": expired}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    script = (files("benchmarks.history") / "fill.sql").read_text(encoding="utf-8")
    # Bound by the client: it is several statements.
    psycopg.ClientCursor(connection.connection).execute(script.encode(), values)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM tasks_app_task")
        _close_gaps(cursor, workspace, queues[0], ended)
    recount_tasks()
    for fold in (fold_counts, fold_letter_counts, recompute_rollups):
        while fold():
            pass
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("CHECKPOINT")
    return _places()


def _close_gaps(cursor: Any, workspace: UUID, queue: int, ended: int) -> None:
    """Fill what the rows have left on their pages with small ones, as the small tasks of all the
    time would have. Otherwise each task of a measurement is the first change of an old page: ten
    thousand tasks were on ten thousand pages instead of 400."""
    rows = max(20, ended // 200)
    statement = (files("benchmarks.history") / "gaps.sql").read_text(encoding="utf-8")
    pages = rows
    while pages > rows // 10:
        cursor.execute(
            statement, {"workspace": workspace, "queue": queue, "ended": ended, "rows": rows}
        )
        (pages,) = cursor.fetchone()


def _places() -> dict[str, Any]:
    """A task of the middle, and cursors of the list, newest first, there and near its end."""
    from controlplane.core.clock import now
    from controlplane.core.cursors import Cursor
    from tasks_app.models import Task

    kept = Task.objects.exclude(created_at__lt=now() - timedelta(days=30))
    waiting = Task.objects.filter(queue__name=_PLAIN, state="PENDING").order_by("id")
    tasks = kept.order_by("-id").values_list("id", flat=True)
    total = tasks.count()
    middle, last = tasks[total // 2], tasks[total * 99 // 100]
    return {
        "middle": str(middle),
        "waiting": str([*waiting.values_list("id", flat=True)[:101]][-1]),
        "cursors": {
            "in the middle": Cursor("-createdAt", middle, middle, 2).encode(),
            "near the end": Cursor("-createdAt", last, last, 2).encode(),
        },
    }


def serve() -> None:
    """Answer each line of standard input, the JSON of a probe's name and a number of calls: the
    seconds of each call, and the CPU of process and backend. The first calls of a probe, which
    prepare what later ones find, come before its figures."""
    ready: dict[str, Callable[[], float]] = {}
    for line in sys.stdin:
        name, calls = json.loads(line)
        if name not in ready:
            ready[name] = _PROBES[name]()
            for _ in range(_WARM_UP):
                ready[name]()
        print(json.dumps(_measure(ready[name], calls)), flush=True)


def count_calls(calls: int) -> dict[str, int]:
    """How often each probe is called where most are called `calls` times. Pruning, whose calls are
    long, a quarter as often; submission, whose calls are shorter than the steps of the backend's
    clock, twenty times."""
    return dict.fromkeys(_PROBES, calls) | {_PRUNE: _prunes(calls), _SUBMIT: 20 * calls}


def _prunes(calls: int) -> int:
    return max(1, calls // 4)


def _measure(call: Callable[[], float], calls: int) -> dict[str, Any]:
    backend = _backend()
    own, database = time.process_time(), sum(backend.cpu_times()[:2])
    seconds = [call() for _ in range(calls)]
    return {
        "latencies": seconds,
        "cpu_seconds": time.process_time() - own,
        "database_cpu_seconds": sum(backend.cpu_times()[:2]) - database,
    }


def _backend() -> psutil.Process:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return psutil.Process(cursor.fetchone()[0])


def _timed(call: Callable[[], Any]) -> Callable[[], float]:
    def run() -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    return run


def _submission() -> Callable[[], float]:
    from tasks_app import services, specs

    return _timed(lambda: services.submit_task(spec=specs.TaskSpec(type="noop")))


def _claim(queue: str, want: int) -> Callable[[], float]:
    """A claim that is rolled back: the backlog stays as it is."""
    from django.db import transaction

    from controlplane.core.sql import load_sql, prepared_cursor
    from tasks_app.models import Queue
    from workers.models import Node

    statement = load_sql("tasks_app", "claim_ready").encode()
    node = Node.objects.get(name=_NODE).id
    values = {"queue": queue, "node": node, "want": want, "after": 0}

    def run() -> float:
        with transaction.atomic():
            Queue.objects.filter(name=queue).update(paused_at=None)
            Node.objects.filter(id=node).update(state="ACTIVE", stopped_at=None)
            began = time.perf_counter()
            claimed = prepared_cursor("default").execute(statement, {**values, "lease": uuid4()})
            rows = len(claimed.fetchall())
            seconds = time.perf_counter() - began
            transaction.set_rollback(True)
        if rows != want:
            raise SystemExit(f"{rows} of {want} tasks were claimed from {queue}.")
        return seconds

    return run


def _prune() -> Callable[[], float]:
    from tasks_app.services.retention import prune_history

    def run() -> None:
        pruned = prune_history(limit=_PRUNED)
        if pruned.tasks != _PRUNED:
            raise SystemExit(f"{pruned.tasks} of {_PRUNED:,} tasks were pruned.")

    return _timed(run)


def _list_command() -> Callable[[], float]:
    from django.core.management import call_command

    return _timed(lambda: call_command("tasks", "list", stdout=io.StringIO()))


def _admin(name: str, query: str = "") -> Callable[[], float]:
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.urls import reverse

    path = reverse(f"admin:{name}") + query
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(get_user_model().objects.get(username=_ADMIN))

    def run() -> None:
        answer = client.get(path)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}.")

    return _timed(run)


_PROBES: dict[str, Callable[[], Callable[[], float]]] = {
    _SUBMIT: _submission,
    "claim of 1, by age": lambda: _claim(_PLAIN, 1),
    "claim of 300, by age": lambda: _claim(_PLAIN, 300),
    "claim of 300, by priority": lambda: _claim(_BY_PRIORITY, 300),
    _PRUNE: _prune,
    "manage.py tasks list": _list_command,
    "admin: overview": lambda: _admin("index"),
    "admin: tasks": lambda: _admin("tasks_app_task_changelist"),
    "admin: failed tasks": lambda: _admin("tasks_app_task_changelist", "?status=FAILED"),
    "admin: queues": lambda: _admin("tasks_app_queue_changelist"),
    "admin: dead letters": lambda: _admin("dlq_deadletter_changelist"),
    "admin: failures": lambda: _admin("dlq_lettergroup_changelist"),
}


def expired_for(rounds: int, calls: int) -> int:
    """How many tasks past their retention the rounds need."""
    return rounds * (_prunes(calls) + _WARM_UP) * _PRUNED


def main() -> None:
    """Fill, or answer until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history.probes")
    parser.add_argument("job", choices=["fill", "serve"])
    for name in ("--waiting", "--ended", "--expired"):
        parser.add_argument(name, type=int, default=0)
    options = parser.parse_args()
    django.setup()
    if options.job == "fill":
        print(json.dumps(fill(options.waiting, options.ended, options.expired)))
    else:
        serve()


if __name__ == "__main__":
    main()
