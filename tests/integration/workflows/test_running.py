"""Runs on the tests' Postgres: data, order, lists, conditions, waits, runs below runs."""

import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, Invalid, NotFound
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import Task
from tests.clients import key_client, other_workspace
from tests.manual_worker import register_node
from tests.workflow_worker import (
    define,
    drain,
    execute,
    join,
    payloads_of,
    run_steps,
    state_of,
    states_of,
    step_of,
    work,
)
from workers.models import Node
from workflows import authoring, queries, runs
from workflows.models import RunStep, WorkflowRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def node() -> int:
    return register_node()


def view(run_id: UUID) -> queries.RunView:
    return queries.describe_run(queries.get_run(get_default_workspace_id(), run_id))


def test_a_diamond_hands_data_on(node: int) -> None:
    run = run_steps(
        {"key": "a", "payload": {"n": "{{ input.n }}"}},
        {"key": "b", "dependsOn": ["a"], "payload": {"n": "{{ steps.a.result.n + 1 }}"}},
        {"key": "c", "dependsOn": ["a"], "payload": {"text": "n is {{ steps.a.result.n }}"}},
        {
            "key": "d",
            "dependsOn": ["b", "c"],
            "payload": {"b": "{{ steps.b.result }}", "c": "{{ steps.c.result.text }}"},
        },
        value={"n": 41},
    )
    assert states_of(run) == {"a": "RUNNING", "b": "PENDING", "c": "PENDING", "d": "PENDING"}
    drain(node)
    assert state_of(run) == "COMPLETED"
    assert step_of(run, "d").result == {"b": {"n": 42}, "c": "n is 41"}
    found = WorkflowRun.objects.get(id=run)
    assert (found.steps_ended, found.error, found.finished_at is None) == (4, None, False)
    tasks = Task.objects.filter(workflow_run_id=run)
    assert sorted(tasks.values_list("step_key", flat=True)) == ["a", "b", "c", "d"]
    assert view(run).progress == 100


def test_a_run_whose_last_task_has_ended_is_not_done_before_its_step(
    node: int,
) -> None:
    client = key_client("viewer")
    run = run_steps({"key": "a"}, {"key": "b", "dependsOn": ["a"]})

    def shown() -> tuple[str, float, float]:
        one = client.get(f"/workflows/runs/{run}").json()
        (listed,) = client.get("/workflows/runs").json()["data"]
        return one["status"], one["progress"], listed["progress"]

    assert shown() == ("RUNNING", 0, 0)
    assert work(node, want=1) == 1
    assert shown() == ("RUNNING", 25, 25)
    assert join(node) == 1
    assert shown() == ("RUNNING", 50, 50)
    assert work(node, want=1) == 1
    assert shown() == ("RUNNING", 75, 75)
    drain(node)
    assert shown() == ("COMPLETED", 100, 100)


def test_a_list_fans_out_and_comes_back_in_order(node: int) -> None:
    run = run_steps(
        {"key": "each", "forEach": "{{ input.items }}", "payload": {"v": "{{ item * index }}"}},
        {"key": "sum", "dependsOn": ["each"], "payload": {"all": "{{ steps.each.result }}"}},
        value={"items": [5, 6, 7]},
    )
    assert payloads_of(run, "each") == [{"v": 0}, {"v": 6}, {"v": 14}]
    assert work(node, want=2) == 2
    each = view(run).steps[0]
    assert (each.state, each.tasks_total, each.tasks_ended) == ("RUNNING", 3, 2)
    assert 0 < view(run).progress < 50
    drain(node)
    assert step_of(run, "sum").result == {"all": [{"v": 0}, {"v": 6}, {"v": 14}]}


def test_an_empty_list_completes_at_once() -> None:
    run = run_steps({"key": "each", "forEach": "{{ input.items }}"}, value={"items": []})
    assert (state_of(run), step_of(run, "each").result) == ("COMPLETED", [])


@pytest.mark.parametrize(("big", "ran", "skipped"), [(True, "yes", "no"), (False, "no", "yes")])
def test_conditions_choose_a_branch_and_the_branches_meet(
    node: int, *, big: bool, ran: str, skipped: str
) -> None:
    run = run_steps(
        {"key": "yes", "when": "{{ input.big }}"},
        {"key": "no", "when": "{{ !input.big }}"},
        {"key": "after_no", "dependsOn": ["no"]},
        {"key": "meet", "dependsOn": ["yes", "after_no"]},
        value={"big": big},
    )
    drain(node)
    states = states_of(run)
    assert (states[ran], states[skipped], states["meet"]) == ("COMPLETED", "SKIPPED", "COMPLETED")
    assert step_of(run, skipped).reason["code"] == "CONDITION"  # type: ignore[index]
    if big:
        assert step_of(run, "after_no").reason["code"] == "PARENTS_SKIPPED"  # type: ignore[index]
    assert state_of(run) == "COMPLETED"


def test_skips_alone_complete_a_run_at_once() -> None:
    run = run_steps({"key": "a", "when": "false"}, {"key": "b", "dependsOn": ["a"]})
    assert (state_of(run), states_of(run)) == ("COMPLETED", {"a": "SKIPPED", "b": "SKIPPED"})
    assert not Task.objects.filter(tags=["workflow-join"]).exists()


def test_a_wait_opens_when_its_time_has_come(node: int) -> None:
    run = run_steps(
        {"key": "rest", "type": "wait", "payload": {"seconds": "{{ input.s }}"}},
        {"key": "after", "dependsOn": ["rest"]},
        value={"s": 3600},
    )
    step = step_of(run, "rest")
    assert step.state == "WAITING"
    assert abs(step.wait_until - now() - timedelta(hours=1)) < timedelta(minutes=1)  # type: ignore[operator]
    assert view(run).steps[0].reason["code"] == "TIME"  # type: ignore[index]
    assert not runs.advance_run(run, "rest")
    drain(node)
    assert state_of(run) == "RUNNING"
    assert runs.advance_run(run, "rest", join_id=step.join_id)
    drain(node)
    assert state_of(run) == "COMPLETED"


def test_a_wait_that_is_over_does_not_wait() -> None:
    until = (now() - timedelta(seconds=1)).isoformat()
    run = run_steps({"key": "rest", "type": "wait", "payload": {"until": until}})
    assert state_of(run) == "COMPLETED"


def decide(run: UUID, *, approve: bool, comment: str = "") -> WorkflowRun:
    return runs.decide_step(
        workspace_id=get_default_workspace_id(),
        run_id=run,
        step_key="ask",
        approve=approve,
        comment=comment,
        actor=SYSTEM,
    )


def ask(timeout: int | None = None) -> UUID:
    payload: dict[str, Any] = {"message": "Ship {{ input.what }}?"}
    if timeout:
        payload["timeoutSeconds"] = timeout
    return run_steps(
        {"key": "ask", "type": "approval", "payload": payload},
        {"key": "ship", "dependsOn": ["ask"], "payload": {"by": "{{ steps.ask.result.by }}"}},
        value={"what": "it"},
    )


def test_an_approval_lets_the_run_go_on(node: int) -> None:
    run = ask(timeout=3600)
    waits = view(run).steps[0]
    assert (waits.state, waits.reason) == (
        "WAITING", {"code": "APPROVAL", "message": "Ship it?"},
    )  # fmt: skip
    decide(run, approve=True, comment="go")
    step = step_of(run, "ask")
    assert (step.state, step.decided_by, step.result["comment"]) == ("COMPLETED", "system", "go")
    assert Task.objects.get(id=step.join_id).state == "CANCELLED"
    drain(node)
    assert payloads_of(run, "ship") == [{"by": "system"}]
    with pytest.raises(Conflict, match="COMPLETED"):
        decide(run, approve=False)


def test_a_rejection_fails_the_step() -> None:
    run = ask()
    assert decide(run, approve=False, comment="too early").state == "FAILED"
    found = WorkflowRun.objects.get(id=run)
    assert found.error["message"] == "system rejected it: too early"  # type: ignore[index]
    assert (found.error["step"], states_of(run)["ship"]) == ("ask", "CANCELLED")  # type: ignore[index]


def test_an_approval_that_nobody_gives_in_time_fails(node: int) -> None:
    run = ask(timeout=60)
    step = step_of(run, "ask")
    runs.advance_run(run, "ask", join_id=step.join_id)
    assert step_of(run, "ask").error["class"] == "NotDecided"  # type: ignore[index]
    assert state_of(run) == "FAILED"


def test_only_an_approval_can_be_decided() -> None:
    run = run_steps({"key": "ask"})
    with pytest.raises(Conflict, match="is not an approval"):
        decide(run, approve=True)
    with pytest.raises(NotFound):
        runs.decide_step(
            workspace_id=other_workspace().id, run_id=run, step_key="ask", approve=True,
            comment="", actor=SYSTEM,
        )  # fmt: skip


def test_a_run_below_a_run_gives_its_leaves(node: int) -> None:
    define(
        {"key": "first", "payload": {"x": "{{ input.x }}"}},
        {"key": "left", "dependsOn": ["first"], "payload": {"l": "{{ steps.first.result.x }}"}},
        {"key": "right", "dependsOn": ["first"], "payload": {"r": 1}},
        name="child",
    )
    run = run_steps(
        {"key": "sub", "type": "workflow", "payload": {
            "workflow": "child", "input": {"x": "{{ input.x }}"}}},
        {"key": "after", "dependsOn": ["sub"], "payload": {"got": "{{ steps.sub.result.left }}"}},
        value={"x": 7},
    )  # fmt: skip
    child = WorkflowRun.objects.get(parent_run_id=run)
    assert (child.depth, child.parent_step_key) == (1, "sub")
    assert step_of(run, "sub").child_run_id == child.id
    drain(node)
    assert (state_of(child.id), state_of(run)) == ("COMPLETED", "COMPLETED")
    assert step_of(run, "sub").result == {"left": {"l": 7}, "right": {"r": 1}}
    assert step_of(run, "after").result == {"got": {"l": 7}}


def test_runs_below_each_other_end_at_five(node: int) -> None:
    define(
        {"key": "sub", "type": "workflow", "payload": {"workflow": "{{ 'flow' }}"}},
        name="flow",
    )
    run = execute(queries.get_workflow(get_default_workspace_id(), "flow").id)
    drain(node)
    assert WorkflowRun.objects.count() == 6
    assert state_of(run) == "FAILED"
    assert "at most 5 runs" in WorkflowRun.objects.get(id=run).error["message"]  # type: ignore[index]


def test_a_missing_workflow_below_fails_its_step() -> None:
    run = run_steps({"key": "sub", "type": "workflow", "payload": {"workflow": "{{ 'none' }}"}})
    assert state_of(run) == "FAILED"
    assert "There is no workflow none" in step_of(run, "sub").error["message"]  # type: ignore[index]


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


def test_a_join_that_comes_again_finds_the_step_closed(node: int) -> None:
    run = run_steps({"key": "a"}, {"key": "b", "dependsOn": ["a"]})
    assert not runs.advance_run(run, "a"), "its task has not ended"
    work(node)
    assert runs.advance_run(run, "a")
    assert not runs.advance_run(run, "a")
    assert join(node) == 1
    assert len(step_of(run, "b").task_ids) == 1
    assert not runs.advance_run(run, "b", workspace_id=other_workspace().id)


def test_the_same_key_gives_the_first_run_again() -> None:
    workflow, workspace = define({"key": "a"}), get_default_workspace_id()

    def start(value: Any) -> tuple[WorkflowRun, bool]:
        return runs.execute_workflow(
            workspace_id=workspace, workflow_id=workflow, input=value, actor=SYSTEM, key="k"
        )

    first, is_new = start({"a": 1})
    again, is_new_too = start({"a": 1})
    assert (again.id, is_new, is_new_too) == (first.id, True, False)
    with pytest.raises(Conflict):
        start({"a": 2})


def test_an_input_is_checked() -> None:
    workflow = define(
        {"key": "a"},
        inputSchema={"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}},
    )
    with pytest.raises(Invalid) as caught:
        execute(workflow, {"n": "text"})
    assert caught.value.errors[0]["field"] == "input.n"
    with pytest.raises(Invalid):
        execute(workflow, [1])
    with pytest.raises(NotFound):
        runs.execute_workflow(
            workspace_id=other_workspace().id, workflow_id=workflow, input={"n": 1}, actor=SYSTEM
        )
    assert not WorkflowRun.objects.exists()


def test_numbers_are_of_the_types_of_the_schema(node: int) -> None:
    numbers = {"properties": {"n": {"type": "integer"}, "r": {"type": "number"}}}
    payload = {"n": "{{ input.n + 1 }}", "r": "{{ input.r * 1.5 }}"}
    child = define({"key": "a", "payload": payload}, name="child", inputSchema=numbers)
    sub = {"workflow": "child", "input": {"n": "{{ double(input.n) }}", "r": "{{ input.n }}"}}
    parent = define(
        {"key": "sub", "type": "workflow", "payload": sub}, name="parent", inputSchema=numbers
    )
    runs = [execute(child, {"n": 1.0, "r": 1}), execute(parent, {"n": 1.0})]
    drain(node)
    assert [state_of(run) for run in runs] == ["COMPLETED", "COMPLETED"]
    for run in WorkflowRun.objects.filter(workflow_id=child):
        assert repr(run.input) == "{'n': 1, 'r': 1.0}"
        assert repr(step_of(run.id, "a").result) == "{'n': 2, 'r': 1.5}"


def test_a_run_keeps_its_version(node: int) -> None:
    workflow, workspace = define({"key": "a", "payload": {"v": 1}}), get_default_workspace_id()
    body = {"name": "flow", "tasks": [{"key": "b", "type": "test-echo", "payload": {"v": 2}}]}
    run = execute(workflow)
    changed = authoring.update_workflow(
        workspace_id=workspace, workflow_id=workflow, body=body, actor=SYSTEM
    )
    same = authoring.update_workflow(
        workspace_id=workspace, workflow_id=workflow, body=body, actor=SYSTEM
    )
    assert (changed.version, same.version) == (2, 2)
    drain(node)
    assert (list(states_of(run)), list(states_of(execute(workflow)))) == (["a"], ["b"])
    authoring.delete_workflow(workspace_id=workspace, workflow_id=workflow, actor=SYSTEM)
    with pytest.raises(NotFound):
        execute(workflow)
    define({"key": "a"})  # the name is free again
    with pytest.raises(Conflict):
        define({"key": "a"})


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
