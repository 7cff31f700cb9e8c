"""Runs on the tests' Postgres: data, order, lists, conditions, waits, runs below runs."""

import pytest

from controlplane.core.errors import Conflict, Invalid, NotFound
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import Task
from tests.clients import key_client, other_workspace
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
    view,
    work,
)
from workflows import authoring, queries, runs
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db


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


def test_a_join_that_comes_again_finds_the_step_closed(node: int) -> None:
    run = run_steps({"key": "a"}, {"key": "b", "dependsOn": ["a"]})
    assert not runs.advance_run(run, "a"), "its task has not ended"
    work(node)
    assert runs.advance_run(run, "a")
    assert not runs.advance_run(run, "a")
    assert join(node) == 1
    assert len(step_of(run, "b").task_ids) == 1
    assert not runs.advance_run(run, "b", workspace_id=other_workspace().id)


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
