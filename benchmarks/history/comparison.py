"""The scenario `history`: two databases, one with a thousandth of the other's history, and the same
calls in turns on both, so that other load on the machine affects them equally."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks import marks
from benchmarks.history import probes
from benchmarks.load import measure_load
from benchmarks.processes import Answering, answering, cpu_seconds, run_job
from benchmarks.scenarios import Figures, Sizes
from benchmarks.systems import Taskplane
from benchmarks.systems.app import App

_LONGEST_FILL_SECONDS = 1_800
_TURNS = 5  # of each call, in a round
_SMALL = (1_000, 2_000)  # tasks that wait, and that have ended, in the small history
TABLES = {
    "task": "tasks_app_task",
    "attempt": "tasks_app_taskattempt",
    "dead letter": "dlq_deadletter",
}
SIDES = ("small", "large")


@dataclass
class _Side:
    """One of the two databases, and what was measured on it, by call."""

    system: Taskplane
    places: dict[str, Any] = field(default_factory=dict)  # see probes.fill
    seconds: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)  # of each call: process, Postgres

    def add(self, name: str, measured: Mapping[str, Any]) -> None:
        self.seconds.setdefault(name, []).extend(measured["latencies"])
        sums = self.cpu.setdefault(name, [0.0, 0.0])
        sums[0] += measured["cpu_seconds"]
        sums[1] += measured["database_cpu_seconds"]


def compare(system: Taskplane, sizes: Sizes, say: Callable[[str], None]) -> Figures:
    """Fill both, measure in turns, drop both. Figures are named `<side>|<call>|<what>`."""
    sides = {
        side: _Side(Taskplane(system.servers, database=f"history_{side}", broker=9 + number))
        for number, side in enumerate(SIDES)
    }
    expired = probes.expired_for(sizes.history_rounds, sizes.history_calls)
    try:
        large = (sizes.history_waiting, sizes.history_ended)
        for side, (waiting, ended) in zip(sides.values(), (_SMALL, large), strict=True):
            say(f"Filling: {waiting:,} waiting and {ended:,} ended tasks")
            side.system.prepare()
            side.places = _fill(side.system, waiting=waiting, ended=ended, expired=expired)
        figures = {
            f"{name}|{table}|{what}": value
            for name, side in sides.items()
            for table in TABLES
            for what, value in _row_bytes(side.system, table).items()
        }
        for number in range(sizes.history_rounds):
            turn = f"{number + 1} of {sizes.history_rounds}"
            _tidy(sides)
            say(f"Calls and requests ({turn})")
            _measure_calls(sides, sizes)
            _tidy(sides)
            say(f"Drains ({turn})")
            _measure_drains(sides, sizes)
        say("A dispatcher at rest")
        _measure_rest(sides, sizes)
        for name, side in sides.items():
            figures |= _figures(name, side)
        return figures
    finally:
        for side in sides.values():
            side.system.close()
            system.servers.drop_database(side.system.database)


def _tidy(sides: Mapping[str, _Side]) -> None:
    """Vacuum and checkpoint both, so that neither pays for what was done before: autovacuum comes
    after changes of a share of the rows, and the first change of a page after a checkpoint writes
    the page."""
    for side in sides.values():
        side.system.ask("VACUUM (ANALYZE)")
        side.system.servers.checkpoint()


def _measure_calls(sides: Mapping[str, _Side], sizes: Sizes) -> None:
    with _probers(sides) as probers:
        for probe, calls in probes.count_calls(sizes.history_calls).items():
            for count in _split(calls):
                for name, side in sides.items():
                    side.add(probe, probers[name].ask([probe, count]))
    with _apps(sides) as apps:
        for request in _requests(sides["small"]):
            for turn, count in enumerate(_split(sizes.history_requests)):
                for name, side in sides.items():
                    measured = apps[name].load(
                        _requests(side)[request],
                        count=count,
                        connections=1,
                        warm_up=1 if turn else 10,
                    )
                    side.add(request, measured)


def _split(calls: int) -> list[int]:
    """The calls of each turn. Turns are short, since other load on a shared machine lasts seconds:
    with all calls of a side at once, it was found on one side alone."""
    turns = min(calls, _TURNS)
    return [calls // turns + (turn < calls % turns) for turn in range(turns)]


@contextmanager
def _probers(sides: Mapping[str, _Side]) -> Iterator[dict[str, Answering]]:
    arguments = ["-m", "benchmarks.history.probes", "serve"]
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                answering(arguments, side.system.env(), side.system.log("probes"))
            )
            for name, side in sides.items()
        }


@contextmanager
def _apps(sides: Mapping[str, _Side]) -> Iterator[dict[str, App]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(side.system.app()) for name, side in sides.items()}


def _requests(side: _Side) -> dict[str, str]:
    """What is asked of the app, by its title."""
    plain = (
        "GET /tasks?limit=20",
        "GET /tasks?limit=20&status=FAILED",
        "GET /tasks?limit=20&status=COMPLETED",
        "GET /tasks?limit=20&status=PENDING",
        "GET /tasks?limit=20&status=RUNNING",
        "GET /tasks?limit=20&queue=mail",
        "GET /tasks?limit=20&queue=backlog",
        "GET /tasks?limit=20&type=cpu",
        "GET /tasks?limit=20&tag=month-end",
        "GET /tasks?limit=20&sort=-finishedAt",
        "GET /tasks/stats",
        "GET /queues",
        "GET /queues/mail",
        "GET /queues/backlog",
        "GET /dlq/tasks?limit=20",
        "GET /dlq/tasks?limit=20&status=OPEN",
        "GET /dlq/stats",
        "POST /tasks",
    )
    return {
        **{request: request for request in plain},
        **{
            f"GET /tasks, cursor {place}": f"GET /tasks?limit=20&cursor={cursor}"
            for place, cursor in side.places["cursors"].items()
        },
        "GET /tasks/{id}": f"GET /tasks/{side.places['middle']}",
        "GET /tasks/{id}/explain": f"GET /tasks/{side.places['waiting']}/explain",
    }


def _measure_drains(sides: Mapping[str, _Side], sizes: Sizes) -> None:
    for side in sides.values():
        found = measure_load(side.system, kind="noop", slots=2, count=sizes.history_drain)
        side.add(
            "drain, a task",
            {
                "latencies": [1 / found["per_second"]],
                "cpu_seconds": found["worker_us"] / 1e6,
                "database_cpu_seconds": found["postgres_us"] / 1e6,
            },
        )


def _measure_rest(sides: Mapping[str, _Side], sizes: Sizes) -> None:
    """A second of a dispatcher that has caught up and finds nothing to do."""
    for side in sides.values():
        system = side.system
        with system.dispatcher() as dispatcher:
            marks.wait_until(
                lambda system=system: _has_caught_up(system),  # type: ignore[misc] # bound now
                "the roll-ups of a day",
                seconds=300,
                every=0.5,
            )
            postgres = system.servers.postgres_pid
            assert postgres is not None  # noqa: S101 - it runs as long as the benchmarks
            before = dispatcher.cpu_seconds(), cpu_seconds(postgres)
            time.sleep(sizes.history_rest_seconds)
            after = dispatcher.cpu_seconds(), cpu_seconds(postgres)
        own, database = (
            (late - early) / sizes.history_rest_seconds
            for early, late in zip(before, after, strict=True)
        )
        side.add(
            "idle dispatcher, a second",
            {"latencies": [own], "cpu_seconds": own, "database_cpu_seconds": database},
        )


def _has_caught_up(system: Taskplane) -> bool:
    row = system.ask("SELECT until > now() - interval '2 minutes' FROM tasks_app_rollupmark")
    return bool(row and row[0])


def _row_bytes(system: Taskplane, table: str) -> Figures:
    name = TABLES[table]
    rows, heap, indexes = system.ask(
        f"SELECT greatest(1, count(*)), pg_table_size('{name}'), pg_indexes_size('{name}')"  # noqa: S608 - a constant
        f" FROM {name}"
    )
    return {"rows": rows, "heap_bytes": heap / rows, "index_bytes": indexes / rows}


def _figures(name: str, side: _Side) -> Figures:
    figures: Figures = {}
    for call, seconds in side.seconds.items():
        cuts = statistics.quantiles(seconds, n=20, method="inclusive") if seconds[1:] else seconds
        process, postgres = (total / len(seconds) * 1000 for total in side.cpu[call])
        figures |= {
            f"{name}|{call}|p50_ms": statistics.median(seconds) * 1000,
            f"{name}|{call}|p95_ms": cuts[-1] * 1000,
            f"{name}|{call}|cpu_ms": process,
            f"{name}|{call}|postgres_ms": postgres,
        }
    return figures


def _fill(system: Taskplane, **counts: int) -> dict[str, Any]:
    arguments = ["-m", "benchmarks.history.probes", "fill"]
    for name, value in counts.items():
        arguments += [f"--{name}", str(value)]
    places: dict[str, Any] = run_job(arguments, system.env(), seconds=_LONGEST_FILL_SECONDS)
    return places
