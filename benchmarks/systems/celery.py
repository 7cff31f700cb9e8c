"""The peers: Celery without results, and with django-celery-results."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from benchmarks import marks
from benchmarks.processes import Component, running
from benchmarks.servers import Servers
from benchmarks.systems.base import _LATEST, SLOTS, RecordError, WorkerSystem


class CeleryBare(WorkerSystem):
    """Prefork with two processes; results are ignored."""

    key = "bare"
    title = "Celery"
    producer = "bare"
    size = 1
    _broker = 5

    def env(self) -> dict[str, str]:
        return self.servers.env(
            BENCH_MARKS=str(self.marks), BENCH_BROKER_URL=self.servers.broker_url(self._broker)
        )

    def prepare(self) -> None:
        """It stores nothing but messages."""

    @contextmanager
    def worker(self) -> Iterator[Component]:
        arguments = [
            "-m",
            "celery",
            "--app=benchmarks.peers",
            "worker",
            "--pool=prefork",
            f"--concurrency={SLOTS}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=WARNING",
        ]
        log = self.servers.state / f"worker-{self.key}.log"
        with running(arguments, self.env(), log) as component:
            yield component

    def empty(self) -> None:
        self.servers.flush_broker(self._broker)

    def await_end(self, count: int, worker: Component) -> float:
        def all_ended() -> bool:
            worker.require_alive()
            return marks.read_span(self.marks).tasks >= count

        marks.wait_until(all_ended, f"{count} tasks in {self.title}", seconds=_LATEST)
        span = marks.read_span(self.marks)
        return span.last - span.first

    def verify(self, count: int) -> None:
        """There are no records; the handlers themselves have counted."""
        ran = marks.read_span(self.marks).tasks
        if ran != count:
            raise RecordError(f"{self.title} ran {ran} of {count} tasks.")


class CeleryResults(CeleryBare):
    """The same with the back-end `django-db`: a row for the end of every task.

    `connections`: "default" leaves Django's CONN_MAX_AGE at 0, "keep" sets it to None.
    """

    producer = "results"
    size = 2

    def __init__(self, servers: Servers, connections: str) -> None:
        self._connections = connections
        self._broker = 7 if connections == "keep" else 6
        self.key = "results-keep" if connections == "keep" else "results"
        self.title = "Celery + results" + (", connections kept" if connections == "keep" else "")
        self._database = f"bench_{self.key.replace('-', '_')}"
        super().__init__(servers)

    def env(self) -> dict[str, str]:
        return {
            **super().env(),
            "DJANGO_SETTINGS_MODULE": "benchmarks.peer_settings",
            "BENCH_DATABASE_URL": self.servers.database_url(self._database),
            "BENCH_CONNECTIONS": self._connections,
        }

    def prepare(self) -> None:
        self.servers.make_database(self._database)
        self.produce("prepare")

    def empty(self) -> None:
        super().empty()
        self._query("TRUNCATE django_celery_results_taskresult")

    def verify(self, count: int) -> None:
        super().verify(count)
        query = "SELECT count(*) FROM django_celery_results_taskresult WHERE status = 'SUCCESS'"

        def all_kept() -> bool:
            return self._query(query) == count

        try:
            # A result is kept after its handler has ended.
            marks.wait_until(all_kept, f"{count} results", seconds=5)
        except TimeoutError:
            raise RecordError(
                f"{self.title} kept {self._query(query)} results of {count} tasks."
            ) from None

    def _query(self, text: str) -> int | None:
        url = self.servers.database_url(self._database)
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(text.encode())
            row = cursor.fetchone() if cursor.description else None
            return int(row[0]) if row else None
