"""The list of tasks and the page of one: what they show, whatever people wrote."""

import re
from datetime import timedelta
from functools import partial
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.core.clock import now
from controlplane.workspaces.models import Workspace
from tasks_app.models import Task
from tasks_app.queries import tasklist
from tests.clients import default_workspace, other_workspace, staff_client
from tests.factories import (
    make_attempt,
    make_job,
    make_letter,
    make_log,
    make_node,
    make_task,
    make_tasks,
)
from tests.hostiletext import HOSTILE, find_dangers

pytestmark = pytest.mark.django_db
TASKS = "/admin/tasks_app/task/"
MAX_QUERIES_OF_LIST = 18
# In a transaction of bounded time, a search also finds the last task that its page looks at.
MAX_QUERIES_OF_SEARCH = 23
MAX_QUERIES_OF_TASK = 28
login = partial(staff_client, apps=["tasks_app", "workers", "dlq", "schedules", "workspaces"])

CORPUS = {
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "markup": "</td></tr></table>&lt;b&gt;{{ 7|add:7 }}{% now %}",
    "long": "W" * 10_000,
    "right to left": "\u202eevil\u202c مرحبا \u2067x",
    "emoji": "👩‍👩‍👧‍👦 🏴‍☠️ é",
    "formula": '=HYPERLINK("http://x")',
    "ansi": "\x1b[31mred\x1b]0;t\x07",
    "like NUL": "a\\u0000b ␀",
    "hostile": HOSTILE,
}


def get(client: Client, path: str, **params: Any) -> str:
    answer = client.get(path, params)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def page_of(task: Task) -> str:
    return f"{TASKS}{task.id}/change/"


class TestTheList:
    """Filters in the address, chips, columns, pages, figures."""

    @pytest.mark.parametrize(
        ("params", "chip"),
        [
            ({"queue": "mail"}, ("Queue", "mail")),
            ({"createdAfter": "1h"}, ("Created", "last 1h")),
            ({"minDurationMs": "5"}, ("Ran at least", "5 ms")),
            ({"payload.a.b": "7"}, ("Payload a.b", "7")),
            ({"status": "FAILED,RUNNING"}, ("State", "Failed, Running")),
        ],
    )
    def test_each_filter_is_a_chip_that_can_be_removed(
        self, root: Client, params: dict[str, str], chip: tuple[str, str]
    ) -> None:
        page = get(root, TASKS, **params, sort="name")
        assert f'<span class="chip-name">{chip[0]}</span>' in page
        assert f"<bdi>{chip[1]}</bdi>" in page
        assert f'<a href="?sort=name" aria-label="Remove the filter {chip[0]}">' in page

    def test_a_form_leads_to_a_short_address(self, root: Client) -> None:
        answer = root.get(
            TASKS,
            {"queue": "", "status": ["FAILED", "RUNNING"], "payload": "a.b = 7", "type": " x "},
        )
        assert answer.headers["Location"] == f"{TASKS}?status=FAILED%2CRUNNING&payload.a.b=7&type=x"

    def test_old_addresses_still_mean_the_same(self, root: Client) -> None:
        answer = root.get(TASKS, {"q": "x", "state__exact": "FAILED"})
        assert answer.headers["Location"] == f"{TASKS}?search=x&status=FAILED"

    def test_ages_move_with_the_clock(self, root: Client) -> None:
        make_task("COMPLETED", name="early", finished_at=now() - timedelta(hours=2))
        make_task("COMPLETED", name="late")
        page = get(root, TASKS, finishedAfter="1h")
        assert "late" in page
        assert "early" not in page

    @pytest.mark.parametrize(
        "params", [{"nonsense": "1"}, {"minPriority": "x"}, {"sort": "x"}, {"after": "x"}]
    )
    def test_a_wrong_address_says_what_is_wrong(self, root: Client, params: dict[str, str]) -> None:
        make_task(name="any")
        page = get(root, TASKS, **params)
        assert "These filters cannot be read" in page
        assert "Clear all filters" in page
        assert "data-task-row" not in page

    def test_an_empty_list_says_why(self, root: Client) -> None:
        assert "There are no tasks yet" in get(root, TASKS)
        make_task(type="workflow-join")
        assert "internal ones, which are hidden" in get(root, TASKS)
        page = get(root, TASKS, queue="mail")
        assert "No task matches these filters" in page
        assert "Clear all filters" in page

    def test_the_figures_of_the_states_agree_with_their_lists(self, root: Client) -> None:
        for state in ("PENDING", "FAILED", "FAILED", "COMPLETED"):
            make_task(state, queue="mail")
        make_task("FAILED")
        for params, failed in (({}, 3), ({"queue": "mail"}, 2), ({"type": "noop"}, 3)):
            page = root.get(TASKS, params).context
            tab = next(each for each in page["tabs"] if each.state == "FAILED")
            assert tab.count == failed
            assert len(root.get(TASKS + tab.url).context["rows"]) == failed

    def test_an_estimate_says_so(self, root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        make_tasks(5, priority=3)
        monkeypatch.setattr(tasklist, "EXACT_TOTAL", 2)
        page = get(root, TASKS, minPriority=1)
        assert "of ≈ " in page

    def test_a_tag_is_listed_over_all_workspaces(
        self, root: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        workspaces = [default_workspace(), other_workspace()]
        made = [make_task(tags=["red"], workspace=workspaces[number % 2]) for number in range(120)]
        make_task(tags=["blue"])
        for most, tabs in ((10_000, {120, 0}), (100, {None})):
            monkeypatch.setattr(tasklist, "EXACT_TOTAL", most)
            first = root.get(TASKS, {"tag": "red"}).context
            second = root.get(TASKS + first["next_url"]).context
            back = root.get(TASKS + second["previous_url"]).context
            rows = [row.task["id"] for row in (*first["rows"], *second["rows"])]
            assert rows == [str(task.id) for task in reversed(made)][:100]
            assert [row.task["id"] for row in back["rows"]] == rows[:50]
            assert {tab.count for tab in first["tabs"]} == tabs

    def test_pages_forward_and_back(self, root: Client) -> None:
        make_tasks(120)
        for sort in ("-createdAt", "priority", "-finishedAt"):
            first = root.get(TASKS, {"sort": sort}).context
            second = root.get(TASKS + first["next_url"]).context
            third = root.get(TASKS + second["next_url"]).context
            assert [len(each["rows"]) for each in (first, second, third)] == [50, 50, 20]
            assert (third["next_url"], first["previous_url"]) == ("", "")
            assert (third["first"], third["last"]) == (101, 120)
            back = root.get(TASKS + third["previous_url"]).context
            assert [row.url for row in back["rows"]] == [row.url for row in second["rows"]]
            begin = root.get(TASKS + back["previous_url"]).context
            assert [row.url for row in begin["rows"]] == [row.url for row in first["rows"]]
            assert begin["previous_url"] == ""

    def test_columns_are_chosen_in_the_address(self, root: Client) -> None:
        make_task(name="one", tags=["red"])
        page = get(root, TASKS, columns="tags,priority")
        assert 'data-cell="tags"' in page
        assert 'data-cell="type"' not in page
        assert 'data-cell="task"' in page

    def test_an_error_leads_to_its_like(self, root: Client) -> None:
        error = {"class": "Broken, badly", "message": "no", "category": "CODE", "traceback": ""}
        make_task("FAILED", name="one", error=error)
        make_task("FAILED", name="other")
        row = root.get(TASKS, {"search": "one"}).context["rows"][0]
        alike = root.get(row.what.url).context["rows"]
        assert [each.name for each in alike] == ["one"]

    def test_what_did_not_happen_is_shown_with_its_reason(self, root: Client) -> None:
        run = "018f6f2e-1111-7000-8000-000000000000"
        tasks = [make_task("COMPLETED"), make_task("FAILED", workflow_run_id=run), make_task()]
        ids = [str(task.id) for task in tasks]
        data = {"action": "retry", "_selected_action": ids}
        question = root.post(TASKS, data).content.decode()
        assert "1 task of these completed" in question
        page = root.post(
            TASKS, {**data, "post": "yes", "reason": "OPS-1"}, follow=True
        ).content.decode()
        assert "1 of 3 tasks retried." in page
        assert "1 task not retried: only ended tasks, not pending." in page
        assert "a step of a workflow run" in page
        assert '<span class="success">' not in page
        nothing = root.post(TASKS, {"action": "cancel"}, follow=True).content.decode()
        assert "Select tasks first: nothing was changed." in nothing

    def test_the_file_has_what_the_list_has(self, root: Client, other: Workspace) -> None:
        make_task("FAILED", name="=1+1", queue="mail")
        make_task("COMPLETED", name="done", queue="mail")
        make_task("FAILED", name="theirs", workspace=other)
        several = root.get(f"{TASKS}export/", {"status": "FAILED"}, follow=True)
        assert "Nothing was exported." in several.content.decode()
        listed = root.get(TASKS, {"status": "FAILED", "workspace": "default", "createdAfter": "1h"})
        menu = listed.context["export"]
        answer = root.get(menu.action, {**dict(menu.hidden), "format": "csv"})
        text = b"".join(answer.streaming_content).decode()
        assert "'=1+1" in text
        assert "done" not in text
        assert "theirs" not in text

    def test_changes_of_an_open_list(self, root: Client) -> None:
        old, waits = make_task("COMPLETED"), make_task(name="waits")
        make_task(type="workflow-join")
        address = f"{TASKS}changes/"
        params = {"ids": f"{waits.id},nonsense", "anchor": str(waits.id), "figures": "1"}
        found = root.get(address, params).json()
        assert (found["newer"], found["figures"]["PENDING"]) == (0, "1")
        assert found["rows"][str(waits.id)]["word"] == "Pending"
        make_task()
        Task.objects.filter(id=old.id).delete()
        found = root.get(address, {**params, "ids": f"{old.id}", "queue": "default"}).json()
        assert (found["newer"], found["rows"]) == (1, {})

    def test_it_costs_a_bounded_number_of_queries(self, root: Client) -> None:
        node = make_node("vm#1")
        for number in range(30):
            task = make_task("COMPLETED", name=str(number), result={"n": 1})
            make_attempt(task, node_id=node.id)
        bounds: list[tuple[dict[str, str], int]] = [
            ({}, MAX_QUERIES_OF_LIST),
            ({"search": "1"}, MAX_QUERIES_OF_SEARCH),
            ({"status": "COMPLETED", "sort": "-durationMs"}, MAX_QUERIES_OF_LIST),
        ]
        for params, most in bounds:
            with CaptureQueriesContext(connection) as queries:
                get(root, TASKS, **params)
            statements = [each["sql"] for each in queries]
            assert len(statements) <= most, "\n".join(statements)


class TestOneTask:
    """The page of a task."""

    def test_what_belongs_to_it(self, root: Client) -> None:
        run = "018f6f2e-1111-7000-8000-000000000000"
        letter = make_letter(
            tags=["red"],
            payload={"n": 9_223_372_036_854_775_807},
            workflow_run_id=run,
            step_key="pay",
        )
        task = Task.objects.get()
        job = make_job("nightly")
        job.firings.create(
            workspace_id=task.workspace_id, scheduled_for=now(), kind="ON_TIME", state="STARTED",
            task_id=task.id,
        )  # fmt: skip
        page = get(root, page_of(task))
        for text in ("9223372036854775807", "nightly", "Step pay", "Dead letter"):
            assert text in page, text
        assert reverse("admin:dlq_deadletter_change", args=[letter.id]) in page
        assert f"/admin/workflows/workflowrun/{run}/change/" in page
        assert "Retry…" not in page  # the run is retried as a whole

    @pytest.mark.parametrize(
        ("state", "offered"),
        [
            ("COMPLETED", {"retry", "edit", "clone"}),
            ("FAILED", {"retry", "edit", "clone"}),
            ("CANCELLED", {"retry", "edit", "clone"}),
            ("PENDING", {"reprioritize", "clone", "cancel"}),
            ("SCHEDULED", {"run_now", "reprioritize", "clone", "cancel"}),
            ("RETRYING", {"run_now", "reprioritize", "clone", "cancel"}),
            ("BLOCKED", {"reprioritize", "clone", "cancel"}),
            ("RUNNING", {"clone", "cancel"}),
        ],
    )
    def test_the_actions_that_are_valid_now(
        self, root: Client, state: str, offered: set[str]
    ) -> None:
        task = make_task(state)
        actions = root.get(page_of(task)).context["actions"]
        assert {each.key for each in actions} == offered
        asking = [each for each in actions if each.question]
        assert all(each.consequence for each in asking)
        for each in asking:
            question = get(root, each.url)
            assert each.question in question
        task.refresh_from_db()
        assert task.state == state

    def test_an_action_stays_on_the_page_and_says_what_happened(self, root: Client) -> None:
        task = make_task("SCHEDULED", priority=1)
        for action, data, text, is_done in (
            ("reprioritize", {"priority": "7"}, "Priority 7: it was 1.", True),
            ("reprioritize", {"priority": "7"}, "It has priority 7 already.", False),
            ("run_now", {}, "starts as soon as a slot is free", True),
            ("run_now", {}, "Nothing was changed. The task is pending", False),
            ("cancel", {}, "Cancelled.", True),
            ("retry", {}, "a new round of attempts starts", True),
            ("nonsense", {}, "Choose an action.", False),
        ):
            answer = root.post(
                f"{TASKS}{task.id}/act/?action={action}", {"post": "yes", **data}, follow=True
            )
            assert answer.redirect_chain == [(page_of(task), 302)]
            page = answer.content.decode()
            assert text in page, action
            assert ('<span class="success">' in page) is is_done, action

    def test_older_log_lines_are_on_pages_of_their_own(self, root: Client) -> None:
        task = make_task("COMPLETED", attempt=1)
        for number in range(1, 251):
            make_log(task, f"line <b>{number}</b> of it")
        page = get(root, page_of(task))
        assert "250</span> lines" in page
        seen = set(re.findall(r"line &lt;b&gt;(\d+)&lt;", page))
        assert seen == {str(number) for number in range(151, 251)}
        address = unescape(re.search(r'href="([^"]+/logs/\?before=\d+)"', page)[1])
        for first, last in ((51, 150), (1, 50)):
            found = root.get(address, headers={"accept": "application/json"}).json()
            messages = [line["message"] for line in found["lines"]]
            assert messages == [f"line <b>{n}</b> of it" for n in range(last, first - 1, -1)]
            assert [line["id"] for line in found["lines"]] == list(range(last, first - 1, -1))
            older = get(root, address)
            assert f"line &lt;b&gt;{first}&lt;/b&gt; of it" in older
            assert f"{first} to {last}" in older
            address = found["olderLinesUrl"]
        assert address == ""
        for before in ("", "0", "x", "9" * 30):
            assert root.get(f"{TASKS}{task.id}/logs/", {"before": before}).status_code == 200

    def test_a_wrong_priority_is_asked_for_again(self, root: Client) -> None:
        task = make_task(priority=1)
        address = f"{TASKS}{task.id}/act/?action=reprioritize"
        page = root.post(address, {"post": "yes", "priority": "700"})
        assert page.status_code == 200
        task.refresh_from_db()
        assert task.priority == 1

    def test_attempts_in_words(self, root: Client) -> None:
        at = now() - timedelta(minutes=10)
        task = make_task("FAILED", attempt=2, created_at=at, finished_at=at + timedelta(seconds=90))
        error = {"class": "Gone", "message": "no answer", "category": "NETWORK", "traceback": ""}
        for number, start, outcome in ((1, 10, "LOST"), (2, 60, "FAILED")):
            started = at + timedelta(seconds=start)
            make_attempt(
                task, number, outcome=outcome, error=error, wait_ms=5_000, started_at=started,
                finished_at=started + timedelta(seconds=30),
            )  # fmt: skip
        lines = root.get(page_of(task)).context["attempts"].lines
        assert [line.title for line in lines] == [
            "Attempt 2: failed after 30 s", "Attempt 1: lost with its worker after 30 s",
        ]  # fmt: skip
        assert lines[0].note == "No attempts are left."
        assert lines[1].note == "Not counted against the attempts allowed."

    def test_thousands_of_children_are_searched_in_pages(self, root: Client) -> None:
        parent = make_task(name="parent")
        for number in range(60):
            make_task("BLOCKED", name=f"child {number}", parents=[parent], blocked_by=1)
        page = get(root, page_of(parent))
        assert "Search all 60" in page
        address = f"{TASKS}{parent.id}/family/"
        first = root.get(address, {"side": "children"}).context
        assert (len(first["rows"]), first["total"]) == (50, 60)
        second = root.get(address + first["next_url"]).context
        assert len(second["rows"]) == 10
        assert root.get(address + second["previous_url"]).context["rows"] == first["rows"]
        found = root.get(address, {"side": "children", "q": "child 5"}).context["rows"]
        assert len(found) == 11
        assert "None of 60 matches" in get(root, address, side="children", q="nobody")

    def test_who_may_not_read_the_log_does_not_see_it(self, root: Client) -> None:
        task = make_task()
        root.post(f"{TASKS}{task.id}/act/?action=cancel", {"post": "yes"})
        assert "task.cancel" in get(root, page_of(task))
        operator = login("op", "operator")
        page = get(operator, page_of(task))
        assert "task.cancel" not in page
        assert "Audit of this task" not in page

    def test_tasks_of_other_workspaces_do_not_exist(self, other: Workspace) -> None:
        theirs = make_task(workspace=other)
        client = login("op", "operator")
        for path in ("family/", "changes/", "act/?action=cancel"):
            assert client.get(f"{TASKS}{theirs.id}/{path}").status_code == 404
        found = client.get(f"{TASKS}changes/", {"ids": str(theirs.id)}).json()
        assert found["rows"] == {}
        assert client.get(f"{TASKS}submit/", {"clone": str(theirs.id)}).status_code == 404
        page = get(client, TASKS, workspace="other")
        assert "There is no workspace" in page

    def test_it_costs_a_bounded_number_of_queries(self, root: Client) -> None:
        task = make_task("FAILED", parents=[make_task("COMPLETED")], attempt=3)
        for number in (1, 2, 3):
            make_attempt(task, number, outcome="FAILED")
            make_log(task, "a line", attempt=number)
        make_task("BLOCKED", parents=[task], blocked_by=1)
        with CaptureQueriesContext(connection) as queries:
            get(root, page_of(task))
        statements = [each["sql"] for each in queries]
        assert len(statements) <= MAX_QUERIES_OF_TASK, "\n".join(statements)

    def test_the_call_by_curl(self, root: Client) -> None:
        task = make_task(name="it's", payload={"a": "$(rm -rf /) `x` 'q'"}, priority=4)
        curl = root.get(page_of(task)).context["curl"]
        assert curl.startswith("curl -X POST http://testserver/tasks \\\n")
        assert "'\"'\"'q'\"'\"'" in curl
        assert '"priority": 4' in curl


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS.keys())
def test_whatever_people_wrote_is_only_text(root: Client, text: str) -> None:
    """In the list, the page, its changes, the form, the neighbours."""
    short = text[:200]
    error = {"class": short, "message": text, "traceback": f"Traceback\n{text}", "category": "CODE"}
    task = make_task(
        "FAILED", name=short, payload={"value": text, text[:1_000]: [text]}, error=error,
        tags=[text[:100]], attempt=1, idempotency_key=short,
    )  # fmt: skip
    make_attempt(task, outcome="FAILED", error=error)
    make_log(task, text, fields={"more": text})
    done = make_task("COMPLETED", name=short, result={"value": short}, parents=[task])
    columns = {"columns": "type,what,queue,tags,id,node,attempts,priority,created"}
    for path, params in (
        (TASKS, columns),
        (page_of(task), {}),
        (page_of(done), {}),
        (f"{TASKS}{task.id}/family/", {"side": "children"}),
        (f"{TASKS}submit/", {"clone": str(task.id)}),
        (f"{TASKS}{task.id}/act/", {"action": "retry"}),
    ):
        page = get(root, path, **params)
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        assert "</td></tr></table>&lt;b" not in page, path
        controls = set(find_controls(page))
        # The form gives the text back as it is, or the task would be another one.
        assert "submit" in path or not controls & set(find_controls(text)), (path, controls)
    found = root.get(f"{TASKS}{task.id}/changes/").json()
    shown = [found["attempts"][0]["message"], found["logs"][0]["message"], found["logs"][0]["more"]]
    plain = [re.sub("[\n\u200c\u200d]", "", each) for each in shown]
    assert [find_dangers(each) for each in plain] == [[], [], []]


def find_controls(text: str) -> list[str]:
    """Those that must not reach a page; the joiners belong to scripts and emoji."""
    return [each for each in text if not each.isprintable() and each not in "\n\r\u200c\u200d"]


def test_a_page_of_a_task_that_is_gone_leads_home(root: Client) -> None:
    answer = root.get(f"{TASKS}018f6f2e-1111-7000-8000-000000000000/change/")
    assert answer.status_code == 302
