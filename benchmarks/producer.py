"""Submitting tasks to one system, in a process of its own: `python -m benchmarks.producer`.

The same jobs for every system; prints one JSON object. Times are seconds of CLOCK_MONOTONIC.
"""

import argparse
import json
import random
import time
from collections.abc import Callable
from typing import Any, Protocol

_LOOK_SECONDS = 0.01
_KINDS = ("noop", "wait", "stamp", "number", "async-1ms", "sync-1ms")  # the last two: Taskplane
_FIRST_ONES = 20  # submitted before the clock starts: connections, caches, prepared statements


class Producer(Protocol):
    """Submits tasks to one system. Kinds: noop, wait (10 ms), stamp and number (both
    with the task's number; the first leaves its start)."""

    ways: tuple[str, ...]

    def one(self, kind: str, number: int) -> None:
        """Submit one task, as a request of a web application would."""

    def many(self, kind: str, count: int, way: str) -> None:
        """Submit many tasks in one call; `way` is one of `ways`."""


class Taskplane:
    """Through its services, as the HTTP API does."""

    ways: tuple[str, ...] = ("submit_tasks",)

    def __init__(self) -> None:
        import django

        django.setup()
        from tasks_app import services, specs

        self._spec = specs.TaskSpec
        self._submit_task = services.submit_task
        self._submit_tasks = services.submit_tasks

    def _make(self, kind: str, number: int) -> Any:
        match kind:
            case "wait":
                return self._spec(type="sleep", payload={"ms": 10})
            case "async-1ms":
                return self._spec(type="sleep", payload={"ms": 1})
            case "sync-1ms":
                return self._spec(type="bench-pause", payload={"ms": 1})
            case "stamp" | "number":
                return self._spec(type=f"bench-{kind}", payload={"number": number})
        return self._spec(type="noop")

    def one(self, kind: str, number: int) -> None:
        self._submit_task(spec=self._make(kind, number))

    def many(self, kind: str, count: int, way: str) -> None:
        self._submit_tasks(specs=[self._make(kind, number) for number in range(count)])

    def await_worker(self) -> None:
        """Prepare this process as one that submits all day is, and wait until a worker that starts
        beside it takes tasks."""
        from controlplane.workspaces.queries import get_default_workspace_id
        from tasks_app import services, wakeups
        from workers.queries import list_nodes
        from workers.states import NodeState

        spec = self._make("stamp", 0)
        services.check_task(workspace_id=get_default_workspace_id(), spec=spec)
        wakeups.notify_workers("bench-unserved")
        wakeups.flush()
        while not list_nodes([NodeState.ACTIVE]).exists():
            time.sleep(_LOOK_SECONDS)

    def execute_workflow(self, width: int) -> str:
        """Start a run of `width` no-op tasks of one step and one task that waits for them all."""
        from controlplane.workspaces.actors import SYSTEM
        from controlplane.workspaces.queries import get_default_workspace_id
        from workflows import authoring, runs

        workspace_id = get_default_workspace_id()
        fan_in = {
            "name": f"fan-in of {width} {time.monotonic_ns()}",
            "tasks": [
                {"key": "items", "type": "noop", "forEach": "input.items"},
                {"key": "last", "type": "noop", "dependsOn": ["items"]},
            ],
        }
        workflow = authoring.create_workflow(workspace_id=workspace_id, body=fan_in, actor=SYSTEM)
        run = runs.execute_workflow(
            workspace_id=workspace_id,
            workflow_id=workflow.id,
            input={"items": list(range(width))},
            actor=SYSTEM,
        )
        return str(run.id)


class CeleryPeer:
    """Through a task's own methods."""

    ways: tuple[str, ...] = ("loop", "group")

    def __init__(self) -> None:
        from benchmarks.peers import TASKS, app

        self._app, self._tasks = app, TASKS

    def _args(self, kind: str, number: int) -> tuple[Any, ...]:
        return {"wait": (10,), "stamp": (number,), "number": (number,)}.get(kind, ())

    def one(self, kind: str, number: int) -> None:
        self._tasks[kind].delay(*self._args(kind, number))

    def many(self, kind: str, count: int, way: str) -> None:
        task = self._tasks[kind]
        if way == "group":
            from celery import group

            group(task.s(*self._args(kind, number)) for number in range(count)).apply_async()
            return
        with self._app.producer_pool.acquire(block=True) as producer:
            for number in range(count):
                task.apply_async(self._args(kind, number), producer=producer)


def _make(system: str) -> Producer:
    if system == "taskplane":
        return Taskplane()
    if system == "results":
        import django

        django.setup()
    return CeleryPeer()


def _fill(producer: Producer, kind: str, count: int, call: int) -> dict[str, Any]:
    for start in range(0, count, call):
        producer.many(kind, min(call, count - start), producer.ways[0])
    return {"submitted": count}


def _single(producer: Producer, kind: str, count: int) -> dict[str, Any]:
    for number in range(_FIRST_ONES):
        producer.one(kind, number)
    began = time.monotonic()
    for number in range(count):
        producer.one(kind, number)
    rate = count / (time.monotonic() - began)
    return {"submitted": count + _FIRST_ONES, "per_second": rate}


def _bulk(producer: Producer, kind: str, count: int, call: int) -> dict[str, Any]:
    producer.one(kind, 0)
    rates = {}
    for way in producer.ways:
        began = time.monotonic()
        for start in range(0, count, call):
            producer.many(kind, min(call, count - start), way)
        rates[way] = count / (time.monotonic() - began)
    best = max(rates.values())
    return {"submitted": 1 + count * len(rates), "per_second": best, "ways": rates}


def _paced(producer: Producer, count: int, start: int, gap: float) -> dict[str, Any]:
    """Numbers before `start + _FIRST_ONES` are not measured. Gaps are spread by half of them, so
    that no rhythm of a system's own (a poll, a tick) is met at the same phase each time."""
    times: dict[int, float] = {}
    for number in range(start, start + _FIRST_ONES + count):
        times[number] = time.monotonic()
        producer.one("stamp", number)
        time.sleep(gap * random.uniform(0.75, 1.25))
    measured = {k: v for k, v in times.items() if k >= start + _FIRST_ONES}
    return {"submitted": len(times), "times": list(measured.items())}


def _fresh(producer: Producer, count: int, gap: float) -> dict[str, Any]:
    """The first tasks of a worker that starts at the same time."""
    if not isinstance(producer, Taskplane):
        raise SystemExit("Only Taskplane's workers say when they are ready.")
    producer.await_worker()
    times = []
    for number in range(count):
        times.append((number, time.monotonic()))
        producer.one("stamp", number)
        time.sleep(gap)
    return {"submitted": count, "times": times}


def _workflow(producer: Producer, width: int) -> dict[str, Any]:
    if not isinstance(producer, Taskplane):
        raise SystemExit("Only Taskplane has workflows.")
    return {"run": producer.execute_workflow(width)}


def _prepare(_producer: Producer) -> dict[str, Any]:
    """Create the tables of a system that has some, and Taskplane's first API key."""
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    if not isinstance(_producer, Taskplane):
        return {}
    from controlplane.workspaces.services import ensure_bootstrap

    made = ensure_bootstrap()
    return {"api_key": made.api_key if made else None}


def main() -> None:
    """Do one job and print its result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.producer")
    parser.add_argument("system", choices=["taskplane", "bare", "results"])
    jobs = ("prepare", "fill", "single", "bulk", "paced", "fresh", "workflow")
    parser.add_argument("job", choices=jobs)
    parser.add_argument("--kind", default="noop", choices=_KINDS)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--call", type=int, default=10_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--gap", type=float, default=0.02)
    options = parser.parse_args()
    producer = _make(options.system)
    calls: dict[str, Callable[[], dict[str, Any]]] = {
        "workflow": lambda: _workflow(producer, options.count),
        "prepare": lambda: _prepare(producer),
        "fill": lambda: _fill(producer, options.kind, options.count, options.call),
        "single": lambda: _single(producer, options.kind, options.count),
        "bulk": lambda: _bulk(producer, options.kind, options.count, options.call),
        "paced": lambda: _paced(producer, options.count, options.start, options.gap),
        "fresh": lambda: _fresh(producer, options.count, options.gap),
    }
    print(json.dumps(calls[options.job]()))


if __name__ == "__main__":
    main()
