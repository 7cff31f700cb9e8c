"""The page of a task, and that whatever people wrote is text there and in the list."""

import re
from datetime import timedelta
from functools import partial
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.core.clock import now
from controlplane.workspaces.models import Workspace
from tasks_app.models import Task
from tests.clients import staff_client
from tests.factories import make_attempt, make_job, make_letter, make_log, make_task
from tests.hostiletext import HOSTILE, find_dangers
from tests.integration.admin.taskpages import TASKS, get, page_of

pytestmark = pytest.mark.django_db
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
            sent = {"post": "yes", "status": Task.objects.get().state, **data}
            answer = root.post(f"{TASKS}{task.id}/act/?action={action}", sent, follow=True)
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
        assert "60 tasks" in page
        assert "Search all" in page
        address = f"{TASKS}{parent.id}/family/"
        first = root.get(address, {"side": "children"}).context
        assert (len(first["rows"]), first["total"]) == (50, 60)
        second = root.get(address + first["next_url"]).context
        assert len(second["rows"]) == 10
        assert get(root, address, side="children").count(">open</td>") == 50
        assert root.get(address + second["previous_url"]).context["rows"] == first["rows"]
        found = root.get(address, {"side": "children", "q": "child 5"}).context["rows"]
        assert len(found) == 11
        assert "None of 60 matches" in get(root, address, side="children", q="nobody")

    def test_who_may_not_read_the_log_does_not_see_it(self, root: Client) -> None:
        task = make_task()
        sent = {"post": "yes", "status": "PENDING"}
        root.post(f"{TASKS}{task.id}/act/?action=cancel", sent)
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
