"""What a run may cost: items, memory, statements, transactions."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tasks_app.models import Task
from tests.workflow_worker import (
    define,
    drain,
    execute,
    run_steps,
    state_of,
    states_of,
    step_of,
    view,
    work,
)
from workers.models import Node
from workflows import runs
from workflows.models import RunStep

pytestmark = pytest.mark.django_db


def test_a_result_too_large_to_keep_fails_who_reads_it(
    node: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("workflows.steps.ends", "workflows.queries.scopes"):
        monkeypatch.setattr(f"{module}.MAX_RESULT_BYTES", 100)
    run = run_steps(
        {"key": "a", "payload": {"text": "x" * 200}},
        {"key": "b", "dependsOn": ["a"], "payload": {"s": "{{ steps.a.status }}"}},
        {"key": "c", "dependsOn": ["b"], "payload": {"t": "{{ steps.a.result.text }}"}},
    )
    drain(node)
    assert (step_of(run, "a").result, step_of(run, "b").result) == (None, {"s": "COMPLETED"})
    error = step_of(run, "c").error
    assert error is not None
    assert "the limit is 100" in error["message"]
    assert "'a'" in error["message"]


def test_more_items_than_a_step_may_have_fail_it(settings: Any) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "BULK_MAX": 5}
    run = run_steps({"key": "each", "forEach": "{{ input.l }}"}, value={"l": [1] * 6})
    assert "has 6 items; the limit is 5" in step_of(run, "each").error["message"]  # type: ignore[index]
    assert state_of(run) == "FAILED"


def test_many_first_steps_start_in_few_calls(node: int, settings: Any) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "BULK_MAX": 7}
    keys = [f"s{number}" for number in range(12)]
    run = run_steps(*[{"key": key} for key in keys], {"key": "all", "dependsOn": keys})
    assert RunStep.objects.filter(run_id=run, state="RUNNING").count() == 12
    settings.TASKPLANE = {**settings.TASKPLANE, "BULK_MAX": 100}
    drain(node)
    assert state_of(run) == "COMPLETED"


def test_one_transaction_makes_only_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists and runs below runs multiply: what is too much fails its step, and the rest goes on."""
    monkeypatch.setattr("workflows.runs.creation.MAX_CREATED", 11)
    define({"key": "a"}, {"key": "b"}, {"key": "c"}, name="child")
    run = run_steps(
        {"key": "small", "onFailure": "continue"},
        {"key": "large", "forEach": "{{ input.l }}", "onFailure": "continue"},
        {
            "key": "sub",
            "type": "workflow",
            "payload": {"workflow": "child"},
            "onFailure": "continue",
        },
        value={"l": [1] * 9},
    )
    states = states_of(run)
    assert states == {"small": "RUNNING", "large": "FAILED", "sub": "RUNNING"}
    assert "more than 11 steps and tasks at once" in step_of(run, "large").error["message"]  # type: ignore[index]


def test_what_does_not_fit_into_one_call_starts_in_the_next(node: int, settings: Any) -> None:
    keys = [f"s{number}" for number in range(9)]
    workflow = define(*[{"key": key} for key in keys], {"key": "last", "dependsOn": keys})
    settings.TASKPLANE = {**settings.TASKPLANE, "BULK_MAX": 4}
    run = execute(workflow)
    assert [states_of(run)[key] for key in keys] == ["RUNNING"] * 9
    settings.TASKPLANE = {**settings.TASKPLANE, "BULK_MAX": 100}
    drain(node)
    assert state_of(run) == "COMPLETED"


def test_a_list_that_fills_a_call_gets_its_join_in_another(node: int, settings: Any) -> None:
    workflow = define({"key": "each", "forEach": "{{ input.l }}", "payload": {"v": "{{ item }}"}})
    settings.TASKPLANE = {**settings.TASKPLANE, "BULK_MAX": 3}
    run = execute(workflow, {"l": [1, 2, 3]})
    assert Task.objects.get(id=step_of(run, "each").join_id).blocked_by == 3
    drain(node)
    assert step_of(run, "each").result == [{"v": 1}, {"v": 2}, {"v": 3}]


def test_a_step_that_no_worker_closes_says_so(node: int) -> None:
    run = run_steps({"key": "a"})
    work(node)
    assert view(run).steps[0].reason is None
    Node.objects.filter(id=node).update(queues=["default"])
    waits = view(run).steps[0]
    assert waits.reason is not None
    assert (waits.state, waits.tasks_ended, waits.reason["code"]) == ("RUNNING", 1, "NO_WORKER")


def count_queries(act: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert act()
    return len(queries)


def test_closing_a_step_costs_the_same_in_a_run_of_any_size(node: int) -> None:
    """Neither the other steps of the run nor the tasks of the step are gone through one by one."""
    costs = []
    for size in (3, 60):
        keys = [f"s{number}" for number in range(size)]
        run = run_steps(
            *[{"key": key} for key in keys], {"key": "all", "dependsOn": keys}, name=f"n{size}"
        )
        while work(node):
            pass
        one = count_queries(lambda run=run: runs.advance_run(run, "s0"))  # type: ignore[misc]
        for key in keys[1:-1]:
            runs.advance_run(run, key)
        last = count_queries(lambda run=run: runs.advance_run(run, keys[-1]))  # type: ignore[misc] # noqa: B023
        costs.append((one, last))
    assert costs[0] == costs[1]

    lists = []
    for size in (3, 60):
        run = run_steps(
            {"key": "each", "forEach": "{{ input.l }}"},
            {"key": "all", "dependsOn": ["each"], "payload": {"r": "{{ steps.each.result }}"}},
            value={"l": list(range(size))},
            name=f"l{size}",
        )
        while work(node):
            pass
        lists.append(count_queries(lambda run=run: runs.advance_run(run, "each")))  # type: ignore[misc]
    assert lists[0] == lists[1]
    assert max(*costs[0], *lists) < 30


def test_expressions_that_take_too_long_together_fail_their_step(
    node: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.queries.scopes.MAX_SECONDS", 0.05)
    run = run_steps(
        {"key": "small", "payload": {"n": "{{ size(input.l) }}"}},
        {
            "key": "each",
            "dependsOn": ["small"],
            "forEach": "{{ input.l }}",
            "payload": {"all": "{{ input.l.map(x, x + index) }}"},
        },
        value={"l": list(range(1_000))},
    )
    drain(node)
    error = step_of(run, "each").error
    assert error is not None
    assert (error["class"], state_of(run)) == ("TooSlow", "FAILED")
    assert not Task.objects.filter(workflow_run_id=run, step_key="each").exists()


@pytest.mark.nightly
@pytest.mark.ci
def test_the_payloads_of_steps_that_start_together_do_not_fill_the_memory(node: int) -> None:
    """Each of these has 4 MB; a definition may have thousands of them."""
    text = "{{ " + " + ".join(["input.t"] * 20) + " }}"
    steps = [
        {"key": f"k{number}", "payload": {"t": text}, "onFailure": "continue"}
        for number in range(100)
    ]
    workflow = define(*steps)
    tracemalloc.start()
    try:
        run = execute(workflow, {"t": "a" * 200_000})
        drain(node)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert set(states_of(run).values()) == {"FAILED"}, "a payload of 4 MB is refused"
    assert peak < 350_000_000
