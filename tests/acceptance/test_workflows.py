"""Runs of workflows on real workers and a real dispatcher.

One start of the engine serves many runs: they do not disturb each other.
"""

import signal
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest

from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import Task
from tasks_app.services import cancel_tasks
from tests.engine import Engine
from tests.standing import StandingEngine
from tests.workflow_worker import define, execute, state_of, states_of, step_of
from workflows import runs
from workflows.models import WorkflowRun

_ENDED = ("COMPLETED", "FAILED", "CANCELLED")


def wait_for_run(engine: Engine, run: UUID, timeout: float = 60.0) -> WorkflowRun:
    """The run once it has ended."""
    engine.wait(lambda: state_of(run) in _ENDED, f"the end of run {run}", timeout)
    return WorkflowRun.objects.get(id=run)


def start(name: str, *steps: dict[str, Any], value: Any = None) -> UUID:
    return execute(define(*steps, name=name), value)


def diamond() -> UUID:
    return start(
        "diamond",
        {"key": "a", "payload": {"n": "{{ input.n }}"}},
        {"key": "b", "dependsOn": ["a"], "payload": {"n": "{{ steps.a.result.n + 1 }}"}},
        {"key": "c", "dependsOn": ["a"], "payload": {"n": "{{ steps.a.result.n * 2 }}"}},
        {
            "key": "d",
            "dependsOn": ["b", "c"],
            "payload": {"sum": "{{ steps.b.result.n + steps.c.result.n }}"},
        },
        value={"n": 20},
    )


def wide() -> UUID:
    return start(
        "wide",
        {"key": "each", "forEach": "{{ input.l }}", "payload": {"v": "{{ item * 2 }}"}},
        {
            "key": "all",
            "dependsOn": ["each"],
            "payload": {
                "count": "{{ size(steps.each.result) }}",
                "last": "{{ steps.each.result[999].v }}",
            },
        },
        value={"l": list(range(1_000))},
    )


def branches(*, big: bool) -> UUID:
    return start(
        f"branches-{big}",
        {"key": "yes", "when": "{{ input.big }}"},
        {"key": "no", "when": "{{ !input.big }}"},
        {"key": "meet", "dependsOn": ["yes", "no"]},
        value={"big": big},
    )


def failing(on_failure: str) -> UUID:
    return start(
        f"failing-{on_failure}",
        {"key": "bad", "type": "test-fail", "onFailure": on_failure},
        {"key": "after", "dependsOn": ["bad"]},
        {"key": "beside"},
    )


def test_runs_go_their_ways(running: StandingEngine) -> None:
    first, many = diamond(), wide()
    choices = {big: branches(big=big) for big in (True, False)}
    failures = {kind: failing(kind) for kind in ("fail", "continue", "skip-dependents")}
    rests = start(
        "rests",
        {"key": "rest", "type": "wait", "payload": {"seconds": 1.5}},
        {"key": "after", "dependsOn": ["rest"]},
    )
    define({"key": "leaf", "payload": {"x": "{{ input.x }}"}}, name="child")
    above = start(
        "above",
        {"key": "sub", "type": "workflow", "payload": {
            "workflow": "child", "input": {"x": "{{ input.x }}"}}},
        {"key": "after", "dependsOn": ["sub"], "payload": {"x": "{{ steps.sub.result.leaf.x }}"}},
        value={"x": "deep"},
    )  # fmt: skip
    asks = start("asks", {"key": "ask", "type": "approval"}, {"key": "after", "dependsOn": ["ask"]})

    assert wait_for_run(running, first).state == "COMPLETED"
    assert step_of(first, "d").result == {"sum": 61}
    for big, run in choices.items():
        assert wait_for_run(running, run).state == "COMPLETED"
        assert states_of(run) == {
            "yes": "COMPLETED" if big else "SKIPPED",
            "no": "SKIPPED" if big else "COMPLETED",
            "meet": "COMPLETED",
        }
    ends = {kind: (wait_for_run(running, run).state, states_of(run)["after"])
            for kind, run in failures.items()}  # fmt: skip
    assert ends == {
        "fail": ("FAILED", "CANCELLED"),
        "continue": ("COMPLETED", "COMPLETED"),
        "skip-dependents": ("COMPLETED", "SKIPPED"),
    }
    assert wait_for_run(running, above).state == "COMPLETED"
    assert step_of(above, "after").result == {"x": "deep"}

    assert state_of(asks) == "RUNNING"
    runs.decide_step(
        workspace_id=get_default_workspace_id(), run_id=asks, step_key="ask", approve=True,
        comment="", actor=SYSTEM,
    )  # fmt: skip
    assert wait_for_run(running, asks).state == "COMPLETED"

    ended = wait_for_run(running, rests)
    rest = step_of(rests, "rest")
    assert (ended.state, states_of(rests)["after"]) == ("COMPLETED", "COMPLETED")
    assert rest.finished_at >= rest.wait_until  # type: ignore[operator]

    assert wait_for_run(running, many).state == "COMPLETED"
    assert step_of(many, "each").result == [{"v": 2 * n} for n in range(1_000)]
    assert step_of(many, "all").result == {"count": 1_000, "last": 1_998}
    assert not Task.objects.exclude(state__in=_ENDED).exists()


@pytest.mark.nightly
@pytest.mark.ci
def test_a_killed_worker_and_a_cancelled_join_stop_no_run(engine: Engine, tmp_path: Path) -> None:
    """The worker is killed in the middle of a list; a join is cancelled by hand. Another worker
    and the watch of the dispatcher finish both."""
    engine.dispatcher()
    victim = engine.worker(concurrency=2)
    folder = tmp_path / "marks"
    folder.mkdir()
    run = start(
        "kill",
        {
            "key": "each",
            "type": "test-work",
            "forEach": "{{ input.l }}",
            "payload": {"ms": 40, "folder": str(folder)},
        },
        {"key": "after", "dependsOn": ["each"], "payload": {"ok": True}},
        value={"l": list(range(60))},
    )
    other = start(
        "other",
        {"key": "rest", "type": "wait", "payload": {"seconds": 3}},
        {"key": "after", "dependsOn": ["rest"]},
    )
    join = step_of(other, "rest").join_id
    assert join is not None
    cancel_tasks(workspace_id=get_default_workspace_id(), ids=[join], actor=SYSTEM)

    engine.wait(lambda: len(list(folder.iterdir())) >= 10, "ten items")
    victim.signal_tree(signal.SIGKILL)
    psutil.wait_procs([victim.tree], timeout=10)
    assert state_of(run) == "RUNNING"
    engine.worker(concurrency=2, ready=False)  # the dead one still counts as active

    assert wait_for_run(engine, run).state == "COMPLETED"
    ids = step_of(run, "each").task_ids
    assert Task.objects.filter(id__in=ids, state="COMPLETED").count() == 60
    assert len(step_of(run, "after").task_ids) == 1
    assert wait_for_run(engine, other).state == "COMPLETED"
    assert Task.objects.get(id=join).state == "CANCELLED"
