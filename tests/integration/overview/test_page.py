"""The start page: what it shows, to whom, and at what cost."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_script_prefix

from controlplane.core.clock import now
from controlplane.ops.overview.live import read_charts, read_findings, read_overview
from controlplane.ops.overview.queries import source
from controlplane.ops.overview.queries.source import Source
from tests.clients import default_workspace, other_workspace, staff_client
from tests.factories import (
    make_firing,
    make_job,
    make_leader,
    make_letter,
    make_node,
    make_queue,
    make_scaling_event,
    make_task,
)
from tests.hostiletext import HOSTILE
from tests.integration.overview.test_reads import roll_up

pytestmark = pytest.mark.django_db

APPS = ("tasks_app", "workers", "scaling", "schedules", "dlq")
# Two of them for the titles of types, which nodes declare, one for tasks that are late.
MAX_QUERIES = 35


@pytest.fixture
def viewer():
    return staff_client("vera", "viewer", apps=APPS)


def get(client, query=""):
    response = client.get(f"/admin/{query}")
    assert response.status_code == 200
    return response.content.decode()


def test_before_the_first_task_there_is_a_checklist(viewer):
    html = get(viewer)
    assert "Nothing has run here yet" in html
    assert "manage.py worker" in html
    make_node(heartbeat_at=now())
    assert "1 worker reports." in get(viewer)


def test_the_first_call_goes_below_the_path_prefix(viewer):
    with override_script_prefix("/task/plane/"):
        html = get(viewer)
    assert " http://testserver/task/plane/tasks</code>" in html
    assert "<code>http://testserver/task/plane</code>" in html
    assert " http://testserver/tasks</code>" in get(viewer)


@pytest.mark.parametrize(
    ("figure", "number"),
    [("waiting", r"<b>\s*2\s*</b>"), ("letters", r"outside muted groups: <span[^>]*>1<")],
)
def test_a_figure_leads_to_the_list_of_what_it_counts(viewer, figure, number):
    """The tasks and letters of this workspace alone, in the states that are counted."""
    for workspace in (None, other_workspace()):
        make_task(queue="calm", workspace=workspace)
        make_task("RUNNING", queue="calm", workspace=workspace)
        make_letter(workspace=workspace)
    make_task(queue="calm")
    html = get(viewer)
    link = re.search(rf'href="([^"]+)" data-figure="{figure}"', html)
    response = viewer.get(unescape(link.group(1)))
    page = response.content.decode()
    assert response.status_code == 200
    assert "cannot be read" not in page
    assert re.search(number, page)


def test_the_failure_rate_leads_to_the_tasks_that_it_counts(viewer):
    """The first of them ended more than an hour ago: it counts whole minutes."""
    begin = now().replace(second=0, microsecond=0) - timedelta(hours=1)
    roll_up(begin, name="noop", failed=1, failed_tasks=1)
    task = make_task("FAILED", name="counted", finished_at=begin + timedelta(milliseconds=1))
    make_task("FAILED", name="too early", finished_at=begin - timedelta(milliseconds=1))
    html = get(viewer)
    link = unescape(re.search(r'href="([^"]+)" data-figure="failures"', html).group(1))
    assert "1 of 1 in 1 h" in html
    page = viewer.get(link).content.decode()
    assert task.name in page
    assert "too early" not in page
    row = read_overview(default_workspace().id, "")["figures"]["rows"]["failures"]
    assert link.endswith(f"?{row['link']['query']}")


def test_root_and_dashboard_lead_here(viewer):
    for path in ("/", "/dashboard.html"):
        response = viewer.get(path, follow=True)
        assert response.redirect_chain[-1][0] == "/admin/"
        assert response.status_code == 200


def test_a_late_queue_is_the_first_sentence_and_links_to_its_page(viewer):
    make_leader("dispatcher", seconds=60)
    make_node(heartbeat_at=now())
    queue = make_queue("billing")
    make_task(queue=queue.name, created_at=now() - timedelta(minutes=6))
    html = get(viewer)
    assert "One thing is wrong" in html
    assert "misses its wait objective: the oldest task has waited 6 min" in html
    assert f'href="/admin/tasks_app/queue/{queue.id}/change/"' in html


def test_each_figure_leads_to_a_list_that_has_it(root_client):
    mine, other = make_task(queue="mine"), other_workspace()
    make_task("FAILED", name="failed here", finished_at=now())
    make_task("PENDING", name="elsewhere", workspace=other)
    html = get(root_client)
    figures = re.findall(r'<a class="figure" href="([^"]+)"', html)
    assert len(figures) == 5
    for address in figures:
        answer = root_client.get(unescape(address))
        assert answer.status_code == 200, address
        page = answer.content.decode()
        assert "cannot be read" not in page
        assert "elsewhere" not in page, address
    waiting, failed = (root_client.get(unescape(figures[at])).content.decode() for at in (1, 3))
    assert mine.name in waiting
    assert "failed here" in failed
    assert "failed here" not in waiting


def test_many_short_lived_nodes_hide_none_that_works(viewer, monkeypatch):
    monkeypatch.setattr(source, "_MAX_NODES", 3)
    make_leader("dispatcher", seconds=60)
    make_node("lasting", heartbeat_at=now())
    make_node("gone", state="LOST", stopped_at=now() - timedelta(hours=2))
    for number in range(4):
        make_node(f"brief-{number}", state="STOPPED", stopped_at=now())
    make_task()
    html = get(viewer)
    assert "Nothing is wrong" in html
    assert "1 active, 1 lost in 24 h" in html


def test_a_failing_type_leads_to_its_tasks_though_retries_last(viewer):
    at = now().replace(second=0, microsecond=0)
    for name in ("a,b", "a"):
        roll_up(at, name=name, completed=10, failed=40, retried=40)
        make_task("RETRYING", type=name, name=f"retried {name}")
    make_task(type="a,b", name="not yet failed")
    html = get(viewer)
    link = re.search(r'data-key="type:a,b".*?<a href="([^"]+)"', html, re.DOTALL)
    page = viewer.get(unescape(link.group(1))).content.decode()
    rows = page.partition("<tbody")[2].partition("</tbody>")[0]
    assert "retried a,b" in rows
    assert "retried a<" not in rows
    assert "not yet failed" not in rows


def test_a_healthy_workspace_says_so(viewer):
    make_leader("dispatcher", seconds=60)
    make_node(heartbeat_at=now())
    make_task()
    assert "Nothing is wrong" in get(viewer)


def test_figures_of_an_hour_ago_are_left_out_when_nothing_was_recorded(viewer):
    make_task()
    html = get(viewer)
    waiting = html.partition('data-figure="waiting"')[2].partition("</a>")[0]
    assert "was" not in waiting
    assert "in 1 h" not in waiting


def test_a_panel_that_fails_leaves_the_others_alone(viewer, monkeypatch, caplog):
    make_task(name="the only one")
    monkeypatch.setattr(Source, "newest_letters", property(lambda self: 1 / 0))
    html = get(viewer)
    assert html.count("cannot be read at the moment") == 1
    assert 'id="panel-queues"' in html
    assert "Panel failed: name=failures" in caplog.text


def test_a_statement_that_fails_leaves_the_others_alone(viewer, monkeypatch):
    make_task()

    def broken(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    monkeypatch.setattr(Source, "lane_ends", property(broken))
    html = get(viewer)
    assert html.count("cannot be read at the moment") == 1
    assert 'id="panel-schedules"' in html


def test_rows_of_another_workspace_are_never_shown(viewer):
    make_task(queue="mine")
    other = other_workspace()
    make_task(queue="theirs", workspace=other)
    make_letter(workspace=other, name="their failure")
    make_job("their job", other)
    html = get(viewer)
    assert "mine" in html
    assert "theirs" not in html
    assert "their failure" not in html
    assert "their job" not in html
    assert viewer.get("/admin/?workspace=other").status_code == 403


def test_a_person_of_two_workspaces_chooses_one(root_client):
    make_task(queue="mine")
    other = other_workspace()
    make_task(queue="theirs", workspace=other)
    assert "theirs" not in get(root_client)
    html = get(root_client, "?workspace=other")
    assert "theirs" in html
    assert "mine" not in html.partition('id="panel-queues"')[2]


@pytest.fixture
def root_client():
    return staff_client("root", apps=[], is_superuser=True)


def test_a_viewer_sees_and_finds_no_action(viewer):
    make_task()
    html = get(viewer)
    assert 'method="post"' not in html.partition("<main")[2].partition("</main>")[0]


def test_what_needs_a_permission_says_which_is_missing():
    make_task()
    html = get(staff_client("pat", "viewer", apps=["tasks_app"]))
    assert "scaling.view_scalingevent" in html
    assert 'id="panel-queues"' in html


def test_charts_name_lost_workers_only_to_those_who_may_see_workers(viewer):
    make_task()
    make_node("fra-07", state="LOST", stopped_at=now() - timedelta(minutes=10))
    assert "fra-07 lost" in get(viewer)
    assert "fra-07" not in get(staff_client("pat", "viewer", apps=["tasks_app"]))
    charts = read_charts(default_workspace().id, "1h")
    assert "fra-07 lost" in str(charts["throughput"])
    others = charts["withoutNodes"]
    assert others.keys() == {"throughput", "waits"}
    assert "fra-07" not in str(others)


def test_a_release_stays_marked_when_workers_are_lost_after_it(viewer):
    make_task()
    at = now()
    make_node("old", release="b6", started_at=at - timedelta(days=2))
    make_node("new", release="b7", started_at=at - timedelta(minutes=40))
    for number in range(6):
        make_node(
            f"fra-{number}", state="LOST", release="b7", started_at=at - timedelta(minutes=39),
            stopped_at=at - timedelta(minutes=10 + number),
        )  # fmt: skip
    panel = get(viewer).partition('id="panel-throughput"')[2].partition("</section>")[0]
    assert "release b7" in panel
    assert panel.count("lost</text>") == 3
    assert "Releases and lost nodes; not marked: 3 more lost nodes" in panel
    charts = read_charts(default_workspace().id, "1h")
    legend = charts["throughput"]["troubled"]["legend"]
    assert legend[-1]["text"] == "Releases and lost nodes; not marked: 3 more lost nodes"
    legend = charts["withoutNodes"]["throughput"]["troubled"]["legend"]
    assert legend[-1]["text"] == "Releases"


def test_the_oldest_wait_and_all_lists_are_of_the_workspace(root_client):
    """The lists would otherwise be those of all workspaces."""
    for workspace in (None, other_workspace()):
        make_task(queue="calm", workspace=workspace)
        make_letter(workspace=workspace)
    html = get(root_client, "?workspace=default")
    for page in ("tasks_app/queue", "dlq/deadletter", "schedules/schedule"):
        assert f'href="/admin/{page}/?workspace=default"' in html
    figure = re.search(r'href="([^"]+)" data-figure="wait"', html).group(1)
    assert unescape(figure) == "/admin/tasks_app/queue/?workspace=default"


def test_live_data_and_counts_leave_out_what_the_page_does():
    """The browser leaves out the rows whose permission is among those that the person lacks."""
    queue = make_queue("billing")
    make_task(queue=queue.name, created_at=now() - timedelta(minutes=6))
    client = staff_client("pat", "viewer", apps=["tasks_app"])
    html = get(client)
    panel = html.partition('id="panel-situation"')[2].partition("</section>")[0]
    assert re.findall(r'<li data-key="([^"]+)"', panel) == ["queue:billing"]
    assert "One thing is wrong" in html
    lacking = re.search(r'data-lacking="([^"]*)"', html)[1].split()
    assert {"workers.view_node", "dlq.view_deadletter"} <= set(lacking)
    assert "tasks_app.view_queue" not in lacking

    workspace = default_workspace().id
    situation = read_overview(workspace, "")["situation"]
    assert situation["order"] == ["dispatcher", "workers", "queue:billing"]
    assert [
        key for key in situation["order"] if situation["rows"][key]["permission"] not in lacking
    ] == ["queue:billing"]
    assert read_findings(workspace, "") == {
        "wrong": 3,
        "byPermission": {"workers.view_node": 2, "tasks_app.view_queue": 1},
    }
    count = get(client).partition('data-count="wrong"')[2].partition("</a>")[0]
    shown = re.search(r'data-sum="default/findings#wrong" data-less="([^"]*)">(\d+)<', count)
    assert shown[1].split() == [f"byPermission/{each}" for each in lacking]
    assert shown[2] == "1"


def test_without_a_role_the_page_is_refused():
    assert staff_client("nobody", apps=APPS).get("/admin/").status_code == 403


def test_a_span_is_in_the_address(viewer):
    make_task()
    assert 'data-span="24h"' in get(viewer, "?span=24h")
    assert 'data-span="1h"' in get(viewer, "?span=' OR 1=1")


@pytest.mark.parametrize("text", [HOSTILE, '"><script>alert(1)</script>', "x" * 10_000])
def test_names_and_errors_are_text(viewer, text):
    error = {"class": text[:200], "message": text, "traceback": "", "category": "CODE"}
    make_letter(error, name=text[:200])
    html = get(viewer)
    assert "<script>alert" not in html
    assert "x" * 201 not in html.partition('id="panel-failures"')[2]


def test_the_number_of_queries_does_not_depend_on_what_there_is(viewer):
    make_leader("dispatcher", seconds=60)
    make_task()
    get(viewer)
    for number in range(12):
        queue = make_queue(f"queue-{number}")
        make_task(queue=queue.name, created_at=now() - timedelta(minutes=6))
        make_task(queue=queue.name, state="RUNNING")
        make_node(f"node-{number}", heartbeat_at=now())
        make_node(f"lost-{number}", state="LOST", stopped_at=now())
        make_letter(name=f"failure {number}")
        job = make_job(f"job {number}")
        for day in range(4):
            make_firing(job, "FAILED", scheduled_for=now() - timedelta(days=day))
        make_scaling_event()
    with CaptureQueriesContext(connection) as captured:
        get(viewer)
    statements = [q for q in captured.captured_queries if "SAVEPOINT" not in q["sql"]]
    assert len(statements) <= MAX_QUERIES, "\n".join(q["sql"][:120] for q in statements)
