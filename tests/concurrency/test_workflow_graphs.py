"""Graphs by chance, on several workers at once, end as the rules say. Here they are computed."""

import random
import time
from contextlib import suppress
from typing import Any

import pytest

from controlplane.core.errors import Conflict
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import Task
from tests.concurrency.racing import racers
from tests.manual_worker import register_node
from tests.workflow_worker import define, drain, execute, state_of
from workflows import runs
from workflows.models import RunStep, WorkflowRun

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

_WORKERS = 4
_PATIENCE_SECONDS = 25


@pytest.fixture(params=[4, pytest.param(12, marks=(pytest.mark.nightly, pytest.mark.ci))])
def seeds(request: pytest.FixtureRequest) -> range:
    """The graphs of a run: more of them at night."""
    return range(request.param)


def make_graph(chance: random.Random) -> list[dict[str, Any]]:
    """Steps of which each depends on some before it; some fail, some have a false condition, some
    are lists."""
    steps: list[dict[str, Any]] = []
    for number in range(chance.randint(5, 25)):
        above = [step["key"] for step in steps]
        step: dict[str, Any] = {
            "key": f"s{number}",
            "dependsOn": chance.sample(above, min(len(above), chance.choice([0, 1, 1, 2, 4]))),
            "onFailure": chance.choice(["continue", "skip-dependents"]),
            "payload": {"fail": chance.random() < 0.25},
        }
        if chance.random() < 0.2:
            step["when"] = chance.choice(["true", "false"])
        if chance.random() < 0.3:
            step["forEach"] = [1] * chance.randint(0, 5)
        steps.append(step)
    return steps


def expect(steps: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """State and code of each step, by the rules of docs/workflows.md."""
    ends: dict[str, tuple[str, str]] = {}
    rule = {step["key"]: step["onFailure"] for step in steps}
    for step in steps:
        parents = {key: ends[key] for key in step["dependsOn"]}
        if any(
            (state == "FAILED" and rule[key] == "skip-dependents") or code == "PARENT_FAILED"
            for key, (state, code) in parents.items()
        ):
            end = ("SKIPPED", "PARENT_FAILED")
        elif parents and all(state == "SKIPPED" for state, _ in parents.values()):
            end = ("SKIPPED", "PARENTS_SKIPPED")
        elif step.get("when") == "false":
            end = ("SKIPPED", "CONDITION")
        elif step["payload"]["fail"] and step.get("forEach") != []:
            end = ("FAILED", "")
        else:
            end = ("COMPLETED", "")
        ends[step["key"]] = end
    return ends


def test_graphs_by_chance_end_as_the_rules_say(seeds: range) -> None:
    node = register_node()
    with racers(_WORKERS) as several:
        for seed in seeds:
            steps = make_graph(random.Random(seed))
            run = execute(define(*steps, name=f"graph-{seed}"))
            give_up = time.monotonic() + _PATIENCE_SECONDS

            def work(run: Any = run, give_up: float = give_up) -> None:
                while state_of(run) == "RUNNING" and time.monotonic() < give_up:
                    drain(node)

            several.race(*[work] * _WORKERS)
            assert state_of(run) == "COMPLETED", f"seed {seed}"
            rows = RunStep.objects.filter(run_id=run).values_list("key", "state", "reason")
            found = {key: (state, (reason or {}).get("code", "")) for key, state, reason in rows}
            assert found == expect(steps), f"seed {seed}"
            assert WorkflowRun.objects.get(id=run).steps_ended == len(steps)


def test_cancels_and_retries_at_any_moment_lose_and_repeat_nothing_that_completed(
    seeds: range,
) -> None:
    node = register_node()
    workspace = get_default_workspace_id()
    with racers(_WORKERS) as several:
        for seed in seeds:
            chance = random.Random(seed)
            steps = make_graph(chance)
            for step in steps:
                step["payload"] = {"fail": False}
            run = execute(define(*steps, name=f"graph-{seed}"))
            give_up = time.monotonic() + _PATIENCE_SECONDS

            def work(run: Any = run, give_up: float = give_up) -> None:
                while state_of(run) != "COMPLETED" and time.monotonic() < give_up:
                    drain(node)

            def disturb(
                run: Any = run, chance: random.Random = chance, give_up: float = give_up
            ) -> None:
                for _ in range(4):
                    time.sleep(chance.random() * 0.08)
                    with suppress(Conflict):
                        runs.cancel_run(workspace_id=workspace, run_id=run, actor=SYSTEM)
                    time.sleep(chance.random() * 0.02)
                    with suppress(Conflict):
                        runs.retry_run(workspace_id=workspace, run_id=run, actor=SYSTEM)
                while state_of(run) != "COMPLETED" and time.monotonic() < give_up:
                    with suppress(Conflict):
                        runs.retry_run(workspace_id=workspace, run_id=run, actor=SYSTEM)
                    time.sleep(0.02)

            several.race(*[work] * (_WORKERS - 1), disturb)
            assert state_of(run) == "COMPLETED", f"seed {seed}"
            found = dict(RunStep.objects.filter(run_id=run).values_list("key", "state"))
            assert found == {key: state for key, (state, _) in expect(steps).items()}
            assert WorkflowRun.objects.get(id=run).steps_ended == len(steps)
            for step in RunStep.objects.filter(run_id=run, state="COMPLETED"):
                done = Task.objects.filter(
                    workflow_run_id=run, step_key=step.key, state="COMPLETED"
                )
                # A task that completed under a cancel is kept by the retry that follows.
                assert set(done.values_list("id", flat=True)) == set(step.task_ids)
            assert not Task.objects.exclude(state__in=["COMPLETED", "CANCELLED"]).exists()
