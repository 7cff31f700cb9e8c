"""The load of a worker with some slots, measured between two readings of the machine's counters."""

import time
from dataclasses import dataclass

from benchmarks import marks
from benchmarks.processes import Component, cpu_seconds
from benchmarks.scenarios import Figures
from benchmarks.systems import Taskplane
from benchmarks.systems.base import RecordError

_QUEUE = "default"
_LONGEST_SECONDS = 600.0
_WARM_UP_A_SLOT = 40


@dataclass(frozen=True, slots=True)
class _Reading:
    """Counters that only grow. `transactions`: those that wrote something, each one commit that
    waits for the disk."""

    worker: float
    postgres: float
    wal_bytes: int
    transactions: int

    @classmethod
    def now(cls, system: Taskplane, worker: Component) -> "_Reading":
        wal, transactions = system.ask(
            "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint,"
            " pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        )
        postgres = system.servers.postgres_pid
        assert postgres is not None  # noqa: S101 - it runs as long as the benchmarks
        return cls(worker.cpu_seconds(), cpu_seconds(postgres), wal, transactions)


def measure_load(system: Taskplane, *, kind: str, slots: int, count: int) -> Figures:
    """Let a worker that is warm run `count` waiting tasks of the queue `default`, whatever else is
    in the database; the figures of `submit_` are those of their bulk submission. Raises RecordError
    unless each has run once."""
    with system.worker(slots) as worker:
        _fill(system, kind, _WARM_UP_A_SLOT * slots)
        _await_end(system, worker)
        system.pause(_QUEUE)
        before_fill = time.time()
        empty = _Reading.now(system, worker)
        _fill(system, kind, count)
        first = _Reading.now(system, worker)
        system.resume(_QUEUE)
        _await_end(system, worker)
        last = _Reading.now(system, worker)
        seconds = _verify(system, before_fill, count)
        return {
            "per_second": count / seconds,
            "worker_us": (last.worker - first.worker) / count * 1e6,
            "postgres_us": (last.postgres - first.postgres) / count * 1e6,
            "wal_bytes": (last.wal_bytes - first.wal_bytes) / count,
            "transactions": (last.transactions - first.transactions) / count,
            "connections": system.count_connections(),
            "submit_postgres_us": (first.postgres - empty.postgres) / count * 1e6,
            "submit_wal_bytes": (first.wal_bytes - empty.wal_bytes) / count,
        }


def _fill(system: Taskplane, kind: str, count: int) -> None:
    system.produce("fill", kind=kind, count=count)


def _await_end(system: Taskplane, worker: Component) -> None:
    unfinished = """
        SELECT (SELECT true FROM tasks_app_task WHERE queue_id = q.id AND state = 'PENDING'
                ORDER BY priority DESC, id LIMIT 1)
            OR EXISTS (SELECT FROM tasks_app_task WHERE queue_id = q.id AND state = 'RUNNING')
        FROM tasks_app_queue q WHERE q.name = %s
    """

    def has_ended() -> bool:
        worker.require_alive()
        return not system.ask(unfinished, _QUEUE)[0]

    marks.wait_until(has_ended, f"the queue {_QUEUE}", seconds=_LONGEST_SECONDS, every=0.05)


def _verify(system: Taskplane, since: float, count: int) -> float:
    """Seconds from the first start to the last end."""
    tasks, good, attempts, seconds = system.ask(
        """
        SELECT count(*), count(*) FILTER (WHERE t.state = 'COMPLETED' AND t.attempt = 1),
            count(a.task_id) FILTER (WHERE a.outcome = 'SUCCEEDED'),
            extract(epoch FROM max(t.finished_at) - min(t.started_at))::float8
        FROM tasks_app_task t
        JOIN tasks_app_queue q ON q.id = t.queue_id AND q.name = %s
        LEFT JOIN tasks_app_taskattempt a ON a.task_id = t.id
        WHERE t.created_at >= to_timestamp(%s) AND t.id >= %s
            AND t.type NOT IN ('health-check', 'cleanup')
        """,
        _QUEUE,
        since,
        _first_id(since),
    )
    if {tasks, good, attempts} != {count}:
        raise RecordError(
            f"{count} tasks waited; {tasks} exist, {good} of them completed at once, with "
            f"{attempts} successful attempts."
        )
    return float(seconds)


def _first_id(at: float) -> str:
    """Below every id that is made from a second before `at` on."""
    return f"{int((at - 1) * 1000):012x}70008000000000000000"
