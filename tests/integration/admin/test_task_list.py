"""The list of tasks: filters, columns, pages and figures."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.core.admin.newrows import NEW_LIMIT
from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.workspaces.models import Workspace
from tasks_app.admin import listpage, livelist
from tasks_app.admin.listaddress import PAGE_SIZE
from tasks_app.models import Task
from tasks_app.queries import searchwindow, tasklist
from tests.clients import default_workspace, other_workspace
from tests.factories import make_attempt, make_node, make_task, make_tasks
from tests.integration.admin.taskpages import TASKS, get

pytestmark = pytest.mark.django_db
MAX_QUERIES_OF_LIST = 18
# In a transaction of bounded time, a search also finds the last task that its page looks at.
MAX_QUERIES_OF_SEARCH = 23


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
        assert "optional" not in page.partition("<tbody")[2].partition("</tbody>")[0]
        assert "optional" in get(root, TASKS).partition("<tbody")[2].partition("</tbody>")[0]

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
        assert (found["newer"], found["figures"]["PENDING"]) == ("", "1")
        assert found["rows"][str(waits.id)]["word"] == "Pending"
        make_task()
        Task.objects.filter(id=old.id).delete()
        found = root.get(address, {**params, "ids": f"{old.id}", "queue": "default"}).json()
        assert (found["newer"], found["rows"]) == ("1", {})

    @pytest.mark.parametrize("sort", ["-createdAt", "-finishedAt", "createdAt"])
    def test_a_row_that_comes_to_match_is_new_wherever_it_stands(
        self, root: Client, sort: str
    ) -> None:
        older, shown = make_task(name="older"), make_task("FAILED", name="shown")
        filters = {"status": "FAILED", "sort": sort}
        end = root.get(TASKS, filters).context["end"]
        params = {**filters, "ids": str(shown.id), "end": end}
        assert root.get(f"{TASKS}changes/", params).json()["newer"] == ""
        Task.objects.filter(id=older.id).update(state="FAILED", finished_at=now())
        assert root.get(f"{TASKS}changes/", params).json()["newer"] == "1"

    def test_where_rows_before_the_last_are_slow_to_find_the_others_are_counted(
        self, root: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for sort in ("-durationMs", "name"):
            assert root.get(TASKS, {"sort": sort}).context["end"] is None

        def take_too_long(*_: object) -> int:
            raise Invalid("It takes too long.")

        monkeypatch.setattr(livelist, "count_unknown", take_too_long)
        shown = make_task()
        make_task()
        params = {"ids": str(shown.id), "end": "", "anchor": str(shown.id)}
        found = root.get(f"{TASKS}changes/", params).json()
        assert (found["newer"], found["isEndSlow"]) == ("1", True)
        assert found["rows"][str(shown.id)]["word"] == "Pending"

    def test_a_row_behind_the_first_page_is_not_new(self, root: Client) -> None:
        make_tasks(PAGE_SIZE + 2)
        filters = {"createdAfter": "1h"}
        listed = root.get(TASKS, filters).context
        ids = [row.task["id"] for row in listed["rows"]]
        Task.objects.filter(id=ids[0]).delete()
        params = {**filters, "ids": ",".join(ids), "end": listed["end"]}
        assert root.get(f"{TASKS}changes/", params).json()["newer"] == ""
        make_tasks(NEW_LIMIT)
        assert root.get(f"{TASKS}changes/", params).json()["newer"] == "99+"

    @pytest.mark.parametrize("filters", [{"status": "FAILED"}, {"search": "charge"}])
    def test_what_comes_into_an_empty_list_is_new(
        self, root: Client, filters: dict[str, str]
    ) -> None:
        task = make_task(name="older")
        anchor = root.get(TASKS, filters).context["anchor"]
        params = {**filters, "anchor": str(anchor)}
        assert root.get(f"{TASKS}changes/", params).json()["newer"] == ""
        ended = {"state": "FAILED", "finished_at": now()}
        Task.objects.filter(id=task.id).update(name="charge", **ended)
        assert root.get(f"{TASKS}changes/", params).json()["newer"] == "1"

    def test_where_counting_takes_long_older_tasks_are_not_new(
        self, root: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(searchwindow, "LOOKED_AT_ONCE", 1)
        monkeypatch.setattr(listpage, "count_matching", lambda *_: tasklist.Figures(7, True, None))
        make_tasks(3)
        newest = Task.objects.latest("id").id
        assert root.get(TASKS, {"search": "charge"}).context["anchor"] == newest
        assert root.get(TASKS, {"status": "FAILED"}).context["anchor"] > newest

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
