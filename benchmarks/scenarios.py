"""The scenarios: each measures one system once and returns its figures by name. At the end of each,
all submitted tasks have run, and their records are checked.
Loads are bounded: every one of them ends by itself.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from rich.table import Table

from benchmarks.processes import Component
from benchmarks.systems import HttpSystem, Taskplane, WorkerSystem


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of tasks, by the class of system: Taskplane, bare Celery, Celery with results.

    The slower a system, the fewer tasks it gets, so that each measurement lasts about as long;
    what is compared are rates.
    """

    repeats: int
    drain: tuple[int, int, int]
    waits: tuple[int, int, int]
    single: int
    bulk: int
    bulk_call: int  # tasks in one call
    latency: int
    latency_gap_ms: float
    fresh: int  # tasks of a fresh worker
    http: int
    http_connections: int
    warm_up: int
    narrow: int  # tasks of the wide step of a workflow
    wide: int
    settle_seconds: float  # between the end of the work and the reading of an idle worker's memory
    scale: int  # tasks for each number of slots
    slots: tuple[int, ...]
    history_waiting: int
    history_ended: int
    history_rounds: int
    history_calls: int  # of each call inside a process, in a round
    history_requests: int  # of each request, in a round
    history_drain: int
    history_rest_seconds: float
    pages_waiting: int
    pages_ended: int
    pages_records: int  # of each kind of raw record
    pages_calls: int  # of each page, after its first
    pages_requests: int  # while the memory of the app is measured


FULL = Sizes(
    repeats=3,
    drain=(60_000, 3_000, 500),
    waits=(5_000, 3_000, 500),
    single=3_000,
    bulk=60_000,
    bulk_call=1_000,
    latency=300,
    latency_gap_ms=20,
    fresh=10,
    http=4_000,
    http_connections=16,
    warm_up=50,
    narrow=1_000,
    wide=10_000,
    settle_seconds=2,
    scale=40_000,
    slots=(1, 4, 16, 64),
    history_waiting=1_000_000,
    history_ended=2_000_000,
    history_rounds=3,
    history_calls=20,
    history_requests=100,
    history_drain=20_000,
    history_rest_seconds=20,
    pages_waiting=100_000,
    pages_ended=900_000,
    pages_records=1_000_000,
    pages_calls=20,
    pages_requests=1_000,
)
QUICK = replace(
    FULL,
    repeats=1,
    drain=(40_000, 1_500, 250),
    waits=(5_000, 1_500, 250),
    single=1_500,
    bulk=30_000,
    http=2_000,
    scale=20_000,
    history_waiting=100_000,
    history_ended=200_000,
    history_rounds=2,
    history_calls=10,
    history_requests=50,
    history_rest_seconds=10,
    pages_waiting=10_000,
    pages_ended=90_000,
    pages_records=100_000,
    pages_calls=10,
    pages_requests=400,
)
# Shows that a scenario works; its figures mean nothing.
TINY = replace(
    FULL,
    repeats=1,
    drain=(200, 20, 10),
    waits=(100, 20, 10),
    single=20,
    bulk=200,
    bulk_call=100,
    latency=10,
    http=40,
    http_connections=4,
    warm_up=5,
    narrow=10,
    wide=100,
    settle_seconds=0.2,
    scale=200,
    slots=(1, 4),
    history_waiting=2_000,
    history_ended=4_000,
    history_rounds=1,
    history_calls=2,
    history_requests=3,
    history_drain=100,
    history_rest_seconds=0.5,
    pages_waiting=200,
    pages_ended=1_000,
    pages_records=100,
    pages_calls=1,
    pages_requests=20,
)
SIZES = {"full": FULL, "quick": QUICK, "tiny": TINY}

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One measurement. `systems`: the kind of system that it can measure; `tables`: what it prints
    of its figures, when one column is not enough; `is_once`: too long to be repeated;
    `has_progress`: it takes a third argument, and calls it with what it does now."""

    name: str
    title: str
    run: Callable[..., Figures]
    systems: type[Any] = WorkerSystem
    tables: Callable[[Figures], Sequence[Table]] | None = None
    is_once: bool = False
    has_progress: bool = False


def drain(system: WorkerSystem, sizes: Sizes) -> Figures:
    """No-op tasks that wait when the worker starts; from the first start to the last end."""
    return _work_off(system, "noop", sizes.drain[system.size])


def waits(system: WorkerSystem, sizes: Sizes) -> Figures:
    """Tasks that wait 10 ms: async in Taskplane, blocking in Celery's prefork pool."""
    return _work_off(system, "wait", sizes.waits[system.size])


def _work_off(system: WorkerSystem, kind: str, count: int) -> Figures:
    system.reset()
    system.produce("fill", kind=kind, count=count)
    with system.worker() as worker:
        seconds = system.await_end(count, worker)
        system.verify(count)
    return {"per_second": count / seconds, "seconds": seconds, "tasks": count}


def single(system: WorkerSystem, sizes: Sizes) -> Figures:
    """One task a call, one caller, no worker running."""
    return _submit(system, "single", count=sizes.single)


def bulk(system: WorkerSystem, sizes: Sizes) -> Figures:
    """Many tasks a call, each with a payload that is checked by a model, one caller, no worker
    running; Celery, which has no models, sends the number alone, and its better way counts."""
    # A peer needs fewer of them for a steady rate, and its worker has to work them all off.
    count = sizes.bulk if system.size == 0 else min(10_000, sizes.bulk)
    return _submit(system, "bulk", kind="number", count=count, call=sizes.bulk_call)


def _submit(system: WorkerSystem, job: str, **options: int | str) -> Figures:
    system.reset()
    made = system.produce(job, **options)
    if isinstance(system, Taskplane):  # what it was given must all be there, and run
        with system.worker() as worker:
            system.await_end(made["submitted"], worker)
            system.verify(made["submitted"])
    ways: dict[str, float] = made.get("ways", {})
    return {"per_second": made["per_second"], **{f"{way}_per_second": ways[way] for way in ways}}


def http(system: HttpSystem, sizes: Sizes) -> Figures:
    """The app service with an API key and no worker: submit tasks, then list them and show one."""
    system.reset()
    connections = sizes.http_connections
    warm_up = max(sizes.warm_up, connections)
    reads = sizes.http // 4
    figures = {}
    with system.app() as app:
        made = app.load("POST /tasks", count=sizes.http, connections=connections, warm_up=warm_up)
        figures = {**_requests(made), **_percentiles(made["latencies"])}
        for name, path in (("list", "/tasks?limit=20"), ("show", f"/tasks/{system.newest_task()}")):
            read = app.load(f"GET {path}", count=reads, connections=connections, warm_up=warm_up)
            figures |= {f"{name}_{figure}": value for figure, value in _requests(read).items()}
    system.verify_accepted(sizes.http + warm_up)
    return figures


def _requests(measured: dict[str, Any]) -> Figures:
    count = len(measured["latencies"])
    return {
        "per_second": count / measured["seconds"],
        "cpu_ms": measured["cpu_seconds"] / count * 1000,
    }


def latency(system: WorkerSystem, sizes: Sizes) -> Figures:
    """From the call that submits to the handler's first line, on an idle worker."""
    system.reset()
    gap = sizes.latency_gap_ms / 1000
    with system.worker() as worker:
        warm = system.produce("paced", count=sizes.warm_up, start=0, gap=gap)["submitted"]
        system.await_stamps(warm, worker)
        made = system.produce("paced", count=sizes.latency, start=warm, gap=gap)
        total = warm + made["submitted"]
        starts = system.await_stamps(total, worker)
        _verify_record(system, total, worker)
    return _percentiles([starts[number] - at for number, at in made["times"]])


def fresh(system: Taskplane, sizes: Sizes) -> Figures:
    """The first tasks of a worker that has just become ready, as `latency` measures them; of a
    type of the user's own, with a payload model."""
    system.reset()
    gap = sizes.latency_gap_ms / 1000
    with ThreadPoolExecutor(1) as threads:
        # It starts first, and waits for the worker.
        job = threads.submit(system.produce, "fresh", count=sizes.fresh, gap=gap)
        with system.worker() as worker:
            made = job.result()
            starts = system.await_stamps(sizes.fresh, worker)
            _verify_record(system, sizes.fresh, worker)
    waited = [(starts[number] - at) * 1000 for number, at in made["times"]]
    return {"first_ms": waited[0], "slowest_ms": max(waited)}


def workflows(system: Taskplane, sizes: Sizes) -> Figures:
    """Runs of one wide step and one task that waits for all of it, from the call that starts the
    run to its end; twice, so that the cost of an item can be seen to stay the same."""
    system.reset()
    figures = {}
    with system.worker() as worker:
        # A child's first batches are small: it does not know the type yet.
        system.await_run(system.produce("workflow", count=sizes.warm_up)["run"], worker)
        for name, width in (("narrow", sizes.narrow), ("wide", sizes.wide)):
            run = system.produce("workflow", count=width)["run"]
            figures[f"{name}_s"] = seconds = system.await_run(run, worker)
            figures[f"{name}_item_us"] = seconds / width * 1_000_000
    return figures


def memory(system: WorkerSystem, sizes: Sizes) -> Figures:
    """The memory of an idle worker with two slots, after it has worked; of Taskplane's also with a
    dispatcher beside it, as `manage.py up` starts it."""
    figures = {"mib": _idle_mebibytes(system, system.worker(), sizes)}
    if isinstance(system, Taskplane):
        figures["both_mib"] = _idle_mebibytes(system, system.worker(dispatches=True), sizes)
    return figures


def _idle_mebibytes(
    system: WorkerSystem, started: AbstractContextManager[Component], sizes: Sizes
) -> float:
    system.reset()
    with started as worker:
        count = system.produce("paced", count=sizes.warm_up, gap=0.001)["submitted"]
        system.await_stamps(count, worker)
        _verify_record(system, count, worker)
        time.sleep(sizes.settle_seconds)
        return worker.pss_bytes() / 2**20


def _verify_record(system: WorkerSystem, count: int, worker: Component) -> None:
    """Stamps show that a peer's tasks ran; for Taskplane the record is checked as well."""
    if isinstance(system, Taskplane):
        system.await_end(count, worker)
        system.verify(count)


def _percentiles(seconds: Sequence[float]) -> Figures:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": cuts[49] * 1000, "p99_ms": cuts[98] * 1000}


SCENARIOS = (
    Scenario("drain", "No-op drain", drain),
    Scenario("single", "Single submit in Python", single),
    Scenario("bulk", "Bulk submit in Python", bulk),
    Scenario("http", "The front door", http, HttpSystem),
    Scenario("latency", "Idle: enqueue to start", latency),
    Scenario("fresh", "The first tasks of a fresh worker", fresh, Taskplane),
    Scenario("waits", "Tasks that wait 10 ms", waits),
    Scenario("workflows", "Fan-out and fan-in", workflows, Taskplane),
    Scenario("memory", "Idle worker, 2 slots", memory),
)
