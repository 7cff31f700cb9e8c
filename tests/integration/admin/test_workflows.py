"""The admin's pages of workflows and runs."""

import re
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent, Workspace
from tests.clients import default_workspace, staff_client
from tests.factories import make_run, make_workflow
from tests.factories.workflows import APPROVAL, end_run, end_step
from workflows.admin.graph import draw
from workflows.admin.runpage import sample_input
from workflows.models import RunStep, WorkflowRun

pytestmark = pytest.mark.django_db
WORKFLOWS = "/admin/workflows/workflow/"
RUNS = "/admin/workflows/workflowrun/"
SURE = {"post": "yes"}  # the answer to the question before it
SCHEMA = {
    "type": "object",
    "required": ["total"],
    "properties": {
        "total": {"type": "integer", "examples": [120]},
        "to": {"type": "object", "properties": {"city": {"type": "string", "default": "Delft"}}},
    },
}
login = partial(staff_client, apps=["workflows"])


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


class TestWorkflows:
    """The list and the page of one."""

    def test_the_list_costs_a_fixed_number_of_queries(self, root: Client) -> None:
        counts = []
        for number in range(2):
            for n in range(3):
                make_run(make_workflow(f"w{number}{n}"))
            with CaptureQueriesContext(connection) as queries:
                text = page(root, WORKFLOWS)
            counts.append(len(queries))
        assert counts[0] == counts[1]
        assert '<td class="field-runs">1</td>' in text
        assert "#state-running" in text

    def test_search(self, root: Client) -> None:
        one = make_workflow("the-first")
        make_workflow("the-second")
        for query in (f"q={one.id}", "q=first"):
            text = page(root, f"{WORKFLOWS}?{query}")
            assert "the-first" in text
            assert "the-second" not in text

    def test_the_page_shows_what_belongs_to_it(self, root: Client) -> None:
        workflow = make_workflow("Order <b>", APPROVAL, inputSchema=SCHEMA)
        text = page(root, f"{WORKFLOWS}{workflow.id}/change/")
        for words in ("look", "send", "approval", "No runs yet", "Order &lt;b&gt;"):
            assert words in text
        assert text.count("<rect") == 2
        assert text.count("<path d=") >= 1
        assert f"{WORKFLOWS}{workflow.id}/execute/" in text
        run = make_run(workflow, {"total": 1})
        assert str(run.id) in page(root, f"{WORKFLOWS}{workflow.id}/change/?version=1")
        assert page(root, f"{WORKFLOWS}{workflow.id}/change/?version=99")

    def test_nothing_is_added_changed_or_deleted(self, root: Client) -> None:
        workflow, run = make_workflow(), make_run(make_workflow("x"))
        for path in (f"{WORKFLOWS}add/", f"{WORKFLOWS}{workflow.id}/delete/", f"{RUNS}add/"):
            assert root.get(path).status_code == 403
        assert root.post(f"{WORKFLOWS}{workflow.id}/change/", {"name": "y"}).status_code == 403
        assert root.post(f"{RUNS}{run.id}/change/", {"state": "FAILED"}).status_code == 403

    def test_no_page_needs_what_the_policy_forbids(self, root: Client) -> None:
        run = make_run(make_workflow(tasks=APPROVAL))
        for path in (f"{WORKFLOWS}{run.workflow_id}/change/", f"{RUNS}{run.id}/change/"):
            text = page(root, path)
            assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", text)
            assert not re.search(r"\son\w+=", text)


class TestExecute:
    """The form of the input."""

    def test_it_begins_with_a_sample_of_the_schema(self, root: Client) -> None:
        workflow = make_workflow(inputSchema=SCHEMA)
        text = page(root, f"{WORKFLOWS}{workflow.id}/execute/")
        assert "&quot;total&quot;: 120" in text
        assert "Delft" in text

    def test_it_starts_a_run_as_the_person(self, root: Client) -> None:
        workflow = make_workflow(inputSchema=SCHEMA)
        answer = root.post(f"{WORKFLOWS}{workflow.id}/execute/", {"input": '{"total": 7}'})
        run = WorkflowRun.objects.get()
        assert answer["Location"] == f"{RUNS}{run.id}/change/"
        assert (run.input, run.started_by) == ({"total": 7}, "root")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{", "line 1"),
            ('{"total": "x"}', "input.total"),
            ("", "input"),
            ('{"a": 1, "a": 2}', "a"),
        ],
    )
    def test_what_is_wrong_is_shown_at_the_field(self, root: Client, text: str, words: str) -> None:
        workflow = make_workflow(inputSchema=SCHEMA)
        answer = root.post(f"{WORKFLOWS}{workflow.id}/execute/", {"input": text})
        assert answer.status_code == 200
        shown = answer.content.decode()
        errors = re.search(r'<ul class="errorlist".*?</ul>', shown, re.DOTALL)
        assert errors is not None
        assert words in errors.group(0)
        assert not WorkflowRun.objects.exists()

    def test_who_may(self, other: Workspace) -> None:
        mine, theirs = make_workflow(), make_workflow(workspace=other)
        viewer, operator = login("eve", "viewer"), login("op", "operator")
        for verb in ("get", "post"):
            assert getattr(viewer, verb)(f"{WORKFLOWS}{mine.id}/execute/").status_code == 403
            assert getattr(operator, verb)(f"{WORKFLOWS}{theirs.id}/execute/").status_code == 404
        assert "execute/" not in page(viewer, f"{WORKFLOWS}{mine.id}/change/")
        answer = operator.post(f"{WORKFLOWS}{mine.id}/execute/", {"input": ""})
        assert answer.status_code == 302
        assert WorkflowRun.objects.get().started_by == "op"


class TestRuns:
    """The list, the page of one, the buttons."""

    def test_the_list(self, root: Client) -> None:
        workflow = make_workflow("the-first")
        failed, running = make_run(workflow), make_run(make_workflow("the-second"))
        end_run(failed.id)
        for query, expected, hidden in [
            ("state__exact=FAILED", failed, running),
            (f"q={running.id}", running, failed),
            (f"q={workflow.id}", failed, running),
            ("q=second", running, failed),
        ]:
            text = page(root, f"{RUNS}?{query}")
            assert str(expected.id)[-12:] in text, query
            assert str(hidden.id)[-12:] not in text, query

    def test_the_page_shows_everything(self, root: Client) -> None:
        tasks = [
            {"key": "charge", "type": "noop", "name": "Charge <i>"},
            {"key": "ship", "type": "noop", "dependsOn": ["charge"]},
        ]
        run = make_run(make_workflow(tasks=tasks), {"x": "<b>"})
        error = {"class": "E", "message": "no card", "traceback": "", "category": "CODE"}
        end_step(run.id, "charge", "FAILED", error=error)
        reason = {"code": "PARENT_FAILED", "message": "Step charge failed.", "step": "charge"}
        end_step(run.id, "ship", "SKIPPED", reason=reason)
        end_run(run.id, error={"step": "charge", "message": "no card"}, steps_ended=2)
        text = page(root, f"{RUNS}{run.id}/change/")
        for words in ("no card", "Step charge failed.", "Charge &lt;i&gt;", "&lt;b&gt;", "2 of 2"):
            assert words in text
        task = RunStep.objects.get(run=run, key="charge").task_ids[0]
        assert f"/admin/tasks_app/task/{task}/change/" in text
        assert text.count('class="tone-failed"') == 1
        assert "Retry from the failed steps" in text
        assert "Cancel the run" not in text

    def test_a_wide_step_links_to_its_tasks(self, root: Client) -> None:
        tasks = [{"key": "each", "type": "noop", "forEach": [1, 2, 3]}]
        run = make_run(make_workflow(tasks=tasks))
        text = page(root, f"{RUNS}{run.id}/change/")
        address = f"/admin/tasks_app/task/?workflowRunId={run.id}&amp;stepKey=each"
        assert address in text
        listed = page(root, address.replace("&amp;", "&"))
        assert listed.count("data-task-row=") == 3

    def test_a_list_shows_which_item_failed_first_and_how_many(self, root: Client) -> None:
        tasks = [{"key": "each", "type": "noop", "forEach": [1, 2, 3]}]
        run = make_run(make_workflow(tasks=tasks))
        task = RunStep.objects.get(run=run).task_ids[1]
        error = {"class": "E", "message": "no card", "category": "CODE", "taskId": str(task)}
        error |= {"item": 1, "items": 3, "itemsFailed": 2}
        end_step(run.id, "each", "FAILED", error=error)
        end_run(run.id, error={"step": "each", **error}, steps_ended=1)
        text = page(root, f"{RUNS}{run.id}/change/")
        assert text.count("no card (item 1; 2 of 3 failed)") == 3
        assert f'/admin/tasks_app/task/{task}/change/">its task</a>' in text

    def test_buttons(self, root: Client) -> None:
        run = make_run()
        path = f"{RUNS}{run.id}/"
        assert "Cancel the run" in page(root, f"{path}change/")
        assert root.get(f"{path}cancel/").status_code == 405
        assert "being cancelled" in root.post(f"{path}cancel/", SURE, follow=True).content.decode()
        assert WorkflowRun.objects.get().state == "CANCELLED"
        again = root.post(f"{path}cancel/", SURE, follow=True).content.decode()
        assert 'class="error"' in again
        assert "The run continues" in root.post(f"{path}retry/", SURE, follow=True).content.decode()
        assert WorkflowRun.objects.get().state == "RUNNING"
        actions = AuditEvent.objects.filter(target_id=str(run.id)).values_list(
            "action", "actor_label"
        )
        assert {label for action, label in actions if "cancel" in action} == {"root"}

    def test_run_again_with_another_input(self, root: Client) -> None:
        run = make_run(value={"a": 1})
        path = f"{RUNS}{run.id}/rerun/"
        assert "&quot;a&quot;: 1" in page(root, path)
        root.post(path, {"input": '{"a": 2}'})
        new = WorkflowRun.objects.exclude(id=run.id).get()
        assert (new.input, new.rerun_of) == ({"a": 2}, run.id)
        assert root.post(path, {"input": "["}).status_code == 200

    def test_decide(self, root: Client) -> None:
        run = make_run(make_workflow(tasks=APPROVAL))
        path = f"{RUNS}{run.id}/"
        text = page(root, f"{path}change/")
        assert 'aria-label="Approve look"' in text
        wrong = root.post(
            f"{path}decide/", {"step": "look", "decision": "maybe", **SURE}, follow=True
        )
        assert 'class="error"' in wrong.content.decode()
        wrong = root.post(
            f"{path}decide/", {"step": "nope", "decision": "approve", **SURE}, follow=True
        )
        assert 'class="error"' in wrong.content.decode()
        assert RunStep.objects.get(key="look").state == "WAITING"
        decision = {"step": "look", "decision": "approve", "comment": "fine"}
        root.post(f"{path}decide/", {**decision, **SURE})
        step = RunStep.objects.get(key="look")
        assert (step.state, step.decided_by) == ("COMPLETED", "root")
        assert "Approve look" not in page(root, f"{path}change/")

    def test_actions_on_the_list(self, root: Client) -> None:
        runs = [make_run(make_workflow(name)) for name in "ab"]
        end_run(runs[0].id)
        data = {
            "action": "cancel",
            "_selected_action": [str(run.id) for run in runs],
            "post": "yes",
            "reason": "OPS-1",
        }
        text = root.post(RUNS, data, follow=True).content.decode()
        assert "1 of 2 workflow runs cancelled" in text
        assert WorkflowRun.objects.get(id=runs[1].id).state == "CANCELLED"

    def test_members_see_and_act_in_their_workspaces_only(self, other: Workspace) -> None:
        mine = make_run(make_workflow("mine", APPROVAL))
        theirs = make_run(make_workflow("theirs", APPROVAL, workspace=other))
        operator = login("op", "operator")
        for path in (RUNS, WORKFLOWS):
            text = page(operator, path)
            assert "mine" in text
            assert "theirs" not in text
        assert operator.get(f"{RUNS}{theirs.id}/change/").status_code == 302
        assert operator.get(f"{WORKFLOWS}{theirs.workflow_id}/change/").status_code == 302
        decision = {"step": "look", "decision": "approve"}
        for verb in ("cancel", "retry", "rerun", "decide"):
            assert operator.post(f"{RUNS}{theirs.id}/{verb}/", decision).status_code == 404
        selected = [str(mine.id), str(theirs.id)]
        data = {"action": "cancel", "_selected_action": selected, "post": "yes"}
        operator.post(RUNS, data)
        assert WorkflowRun.objects.get(id=mine.id).state == "CANCELLED"
        theirs.refresh_from_db()
        assert theirs.state == "RUNNING"
        assert RunStep.objects.get(run=theirs, key="look").state == "WAITING"

    def test_viewers_look_only(self, db: None) -> None:
        run = make_run(make_workflow(tasks=APPROVAL))
        viewer = login("eve", "viewer")
        text = page(viewer, f"{RUNS}{run.id}/change/")
        for words in ("Cancel the run", "Approve look", "Run again"):
            assert words not in text
        decision = {"step": "look", "decision": "approve"}
        for verb in ("cancel", "retry", "rerun", "decide"):
            assert viewer.post(f"{RUNS}{run.id}/{verb}/", decision).status_code == 403
        data = {"action": "cancel", "_selected_action": str(run.id)}
        assert viewer.post(RUNS, data).status_code == 403
        assert WorkflowRun.objects.get().state == "RUNNING"

    def test_without_djangos_permission_nothing(self, db: None) -> None:
        run = make_run()
        user = get_user_model().objects.create_user("plain", is_staff=True)
        services.add_member(workspace=default_workspace(), user=user, role="operator", actor=SYSTEM)
        client = Client()
        client.force_login(user)
        for path in (WORKFLOWS, RUNS, f"{WORKFLOWS}{run.workflow_id}/execute/"):
            assert client.get(path).status_code == 403
        assert client.post(f"{RUNS}{run.id}/cancel/").status_code == 403
        assert WorkflowRun.objects.get().state == "RUNNING"

    def test_many_steps_come_in_pages(self, root: Client) -> None:
        tasks = [{"key": f"s{number:03}", "type": "noop"} for number in range(201)]
        run = make_run(make_workflow(tasks=tasks))
        first = page(root, f"{RUNS}{run.id}/change/")
        assert "<svg" not in first.partition('id="steps"')[2].partition("<table>")[0]
        assert "1 to 200 of 201" in first
        assert "s200" not in first
        assert "s200" in page(root, f"{RUNS}{run.id}/change/?steps_page=2")


class TestPicture:
    """The layout of the steps."""

    class Step:
        def __init__(self, key: str, *depends_on: str) -> None:
            self.key, self.depends_on = key, depends_on

    def test_columns_are_the_depth(self) -> None:
        step = self.Step
        graph = draw([step("a"), step("b", "a"), step("c", "a"), step("d", "b", "a")])
        assert graph is not None
        at = {node.key: (node.x, node.y) for node in graph.nodes}
        assert at["a"][0] < at["b"][0] == at["c"][0] < at["d"][0]
        assert at["b"][1] != at["c"][1]
        assert len(graph.edges) == 4
        assert all(node.x + graph.node_width <= graph.width for node in graph.nodes)
        assert all(node.y + graph.node_height <= graph.height for node in graph.nodes)

    def test_a_long_edge_passes_by_what_stands_between(self) -> None:
        step = self.Step
        graph = draw([step("a"), step("b", "a"), step("c", "b", "a")])
        assert graph is not None
        (between,) = [node for node in graph.nodes if node.key == "b"]
        (passing,) = [edge for edge in graph.edges if "H" in edge]
        heights = [int(y) for y in re.findall(r"(\d+) H", passing)]
        assert heights
        for y in heights:
            assert not between.y <= y <= between.y + graph.node_height

    def test_too_many_are_not_drawn(self) -> None:
        assert draw([]) is None
        assert draw([self.Step(str(number)) for number in range(201)]) is None
        first = [self.Step(f"a{number}") for number in range(40)]
        names = [step.key for step in first]
        assert draw([*first, *(self.Step(f"b{n}", *names) for n in range(40))]) is None


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (None, {}),
        ({}, {}),
        ({"type": "object"}, {}),
        ({"type": ["integer", "null"]}, 0),
        ({"enum": ["x", "y"]}, "x"),
        (
            {"properties": {"a": {"type": "array"}, "b": True, "c": {"const": 3}}},
            {"a": [], "b": None, "c": 3},
        ),
    ],
)
def test_samples(schema: Any, expected: Any) -> None:
    assert sample_input(schema) == expected
