"""The page of performance: what it shows, to whom, and at what cost."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.core.clock import now, utc_z
from controlplane.core.errors import Invalid
from controlplane.core.formatting import EMPTY
from controlplane.ops.performance import nodework
from controlplane.workspaces.actors import SYSTEM
from tasks_app import services
from tasks_app.models import Rollup
from tests.clients import default_workspace, other_workspace, staff_client
from tests.factories import (
    make_attempt,
    make_node,
    make_queue,
    make_rollup,
    make_sample,
    make_scaling_event,
    make_task,
)
from workers.models import Node

pytestmark = pytest.mark.django_db
PAGE = "/admin/performance/"
MARKUP = "<script>alert(1)</script>"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def root(db: None) -> Client:
    return staff_client("root", apps=[], is_superuser=True)


def read(client: Client, path: str = PAGE) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def figure_of(page: str, label: str) -> str:
    found = re.search(rf'figure-label">{label}</span><span class="figure-value">([^<]*)<', page)
    assert found is not None, label
    return found[1]


class TestFigures:
    def test_an_empty_workspace(self, root: Client) -> None:
        page = read(root)
        assert "Nothing was submitted and nothing ended in this span." in page
        assert figure_of(page, "Ended") == "0"
        assert figure_of(page, "Error rate") == EMPTY

    def test_sums_and_percentiles(self, root: Client) -> None:
        make_rollup(
            9, submitted=100, started=90, completed=75, failed=30, failed_tasks=25, retried=5,
            runs={"50": 100}, waits={"70": 90}, run_ms=100, wait_ms=90,
        )  # fmt: skip
        make_rollup(90, completed=1_000)  # before the hour
        page = read(root)
        assert (figure_of(page, "Submitted"), figure_of(page, "Ended")) == ("100", "100")
        assert figure_of(page, "Error rate") == "25 %"
        assert "75 completed, 25 failed, 5 attempts were followed by another" in page
        assert "1,075 completed" in read(root, f"{PAGE}?span=6h")
        assert "25 % of 100 tasks failed" in page

    def test_days_come_from_the_roll_ups_of_hours(self, root: Client) -> None:
        make_rollup(0, seconds=3600, completed=7)
        Rollup.objects.update(at=now().replace(minute=0, second=0, microsecond=0))
        assert "7 completed" in read(root, f"{PAGE}?span=7d")

    def test_one_type(self, root: Client) -> None:
        make_rollup(9, completed=5)
        make_rollup(8, completed=3, type="receive")
        page = read(root, f"{PAGE}?type=receive")
        assert "3 completed" in page
        assert ">send</a>" not in page
        assert 'aria-label="All types"' in page

    def test_a_selection_narrows_everything(self, root: Client) -> None:
        make_rollup(50, completed=5)
        make_rollup(20, completed=3)
        begin, end = utc_z(now() - 25 * MINUTE), utc_z(now() - 15 * MINUTE)
        page = read(root, f"{PAGE}?from={begin}&to={end}")
        assert "3 completed" in page
        assert 'aria-current="true"' not in page.partition("page-head")[2].partition("figures")[0]

    def test_every_chart_has_an_equal_table(self, root: Client) -> None:
        make_rollup(9, completed=600)
        page = read(root)
        charts = page.count('class="panel chart-panel')
        assert charts == 6
        assert page.count('<details class="chart-table">') == charts
        assert page.count('role="img" aria-label="') >= charts
        assert '<td class="number">10/s</td>' in page


class TestMarks:
    def test_what_happened(self, root: Client) -> None:
        home = default_workspace()
        make_node("old", version="1", started_at=now() - timedelta(days=3))
        make_node("new", version="2", release="b7", started_at=now() - 30 * MINUTE)
        make_node("gone", state="LOST", stopped_at=now() - 20 * MINUTE, version="1")
        make_scaling_event(ago=600)
        make_queue("mail")
        services.change_queue(
            workspace_id=home.id, name="mail", actor=SYSTEM, changes={"paused": True}
        )
        services.change_queue(
            workspace_id=home.id, name="mail", actor=SYSTEM, changes={"max_running": 3}
        )
        page = read(root)
        for words in (
            "Taskplane version 2",
            "release b7",
            "gone lost",
            "2 → 5 workers",
            "mail paused",
        ):
            assert f"<span>{words}</span>" in page, words
        assert "version 1" not in page
        assert "resumed" not in page

    def test_a_release_is_marked_however_often_workers_were_added_later(self, root: Client) -> None:
        make_node("old", release="b6", started_at=now() - timedelta(days=3))
        make_node("new", release="b7", started_at=now() - 50 * MINUTE)
        for number in range(24):
            make_scaling_event(ago=60 * (number + 1))
        answer = root.get(PAGE)
        charts = [drawing.chart for drawing, _ in answer.context["drawings"]]
        assert [len(chart.marks) for chart in charts] == [6] * 6
        states = charts[0]
        assert [text.text for text in states.texts] == ["release b7", *["2 → 5 workers"] * 5]
        assert states.legend[-1].text == (
            "What happened; not marked: 19 more changes of the number of workers"
        )
        page = answer.content.decode()
        assert "<span>release b7</span>" in page
        assert page.count("<span>2 → 5 workers</span>") == 19
        assert "<span>and 5 more changes of the number of workers</span>" in page

    def test_pauses_of_other_workspaces_are_not_shown(self) -> None:
        away = other_workspace("away")
        make_queue("secret", away)
        services.change_queue(
            workspace_id=away.id, name="secret", actor=SYSTEM, changes={"paused": True}
        )
        viewer = staff_client("v", "viewer", apps=["tasks_app"])
        assert "secret" not in read(viewer)

    def test_pauses_need_what_the_pages_of_queues_need(self) -> None:
        make_queue("mail")
        home = default_workspace().id
        services.change_queue(
            workspace_id=home, name="mail", actor=SYSTEM, changes={"paused": True}
        )
        assert "mail paused" in read(staff_client("q", "viewer", apps=["tasks_app"]))
        assert "mail paused" not in read(staff_client("v", "viewer", apps=["workers"]))


def make_busy_node() -> Node:
    """Sixty tasks ended on it."""
    node = make_node("fra-01")
    make_sample(node, ago=20 * MINUTE, processed=100)
    make_sample(node, ago=10 * MINUTE, processed=160)
    return node


def words_of_nodes(root: Client, query: str = "") -> str:
    """The table of nodes as text."""
    page = read(root, f"{PAGE}{query}").partition("nodes-title")[2]
    return " ".join(re.sub("<[^>]*>", " ", page).split())


class TestNodes:
    def test_the_work_of_nodes(self, root: Client) -> None:
        node = make_node("fra-01")
        make_sample(node, ago=20 * MINUTE, processed=100, failed=1, running=2)
        make_sample(node, ago=10 * MINUTE, processed=160, failed=4, running=4)
        make_sample(node, ago=timedelta(hours=3), processed=0, failed=0)
        page = read(root).partition("nodes-title")[2]
        cells = re.findall(r'<td class="number[^>]*>([^<]*)</td>', page)[:6]
        assert cells == ["60", "5 %", "3", EMPTY, EMPTY, "3.0"]
        assert "waits and run times" not in page

    def test_waits_and_run_times_are_of_the_newest_attempts(
        self, root: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The shortest end of the span that has enough of them, or all of it."""
        node, task = make_busy_node(), make_task()

        def ended(number: int, ago: timedelta, run_ms: int) -> None:
            at = now() - ago
            begun = at - timedelta(milliseconds=run_ms)
            make_attempt(task, number, node_id=node.id, wait_ms=10 * number, started_at=begun,
                         finished_at=at)  # fmt: skip

        for number in (1, 2, 3):
            ended(number, 5 * MINUTE, 100 * number)
        for number in (4, 5):
            ended(number, 90 * MINUTE, 9_000)
        for number in (6, 7):
            ended(number, 400 * MINUTE, 50_000)
        for enough, attempts, waits, runs in (
            (5_000, 5, "30 ms 50 ms", "300 ms 9 s"),
            (3, 3, "20 ms 30 ms", "200 ms 300 ms"),
        ):
            monkeypatch.setattr(nodework, "_ENOUGH", enough)
            words = words_of_nodes(root, "?span=6h")
            assert f"waits and run times of {attempts} attempts since" in words
            assert f"60 0 % 0 {waits} {runs}" in words

    def test_only_the_newest_are_measured(
        self, root: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        node, task = make_busy_node(), make_task()
        for number in range(1, 6):  # the oldest are the first rows
            at = now() - (40 - number) * MINUTE
            make_attempt(task, number, node_id=node.id, at=at, wait_ms=number)
        monkeypatch.setattr(nodework, "MAX_ATTEMPTS", 2)
        words = words_of_nodes(root)
        assert "waits and run times of 2 attempts since 36 min ago" in words
        assert "60 0 % 0 4 ms 5 ms" in words

    def test_slow_waits_leave_the_rest(self, root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: object) -> None:
            raise Invalid("too long")

        make_sample(make_node("fra-01"), ago=20 * MINUTE, processed=100)
        monkeypatch.setattr(nodework, "_measure_attempts", refuse)
        page = read(root).partition("nodes-title")[2]
        assert "fra-01" in page
        assert "reading waits and run times takes too long" in page


class TestAccess:
    def test_nodes_and_decisions_need_what_their_pages_need(self) -> None:
        make_sample(make_node("fra-01"), ago=20 * MINUTE, processed=100)
        make_sample(make_node("gone", state="LOST", stopped_at=now()), ago=20 * MINUTE)
        make_scaling_event(ago=600)
        shown = ("fra-01", "gone lost", "2 → 5 workers")
        page = read(staff_client("all", "viewer", apps=["workers", "scaling", "tasks_app"]))
        assert all(words in page for words in shown)
        assert "You may not see" not in page

        viewer = staff_client("v", "viewer", apps=["tasks_app"])
        page = read(viewer)
        assert not [words for words in shown if words in page]
        assert page.count("You may not see") == 3
        assert page.count("<code>workers.view_node</code>") == 2
        assert page.count("<code>scaling.view_scalingevent</code>") == 1
        page = read(staff_client("w", "viewer", apps=["workers", "scaling"]))
        assert page.count("<code>tasks_app.view_queue</code>") == 1
        file = {"table": "nodes", "format": "csv"}
        assert viewer.get(f"{PAGE}export/", file).status_code == 403
        assert viewer.get(f"{PAGE}export/", {**file, "table": "types"}).status_code == 200

    def test_one_workspace_at_a_time(self) -> None:
        away = other_workspace("away")
        make_rollup(9, completed=5)
        make_rollup(9, completed=4_000, workspace=away, type="secret")
        viewer = staff_client("v", "viewer", apps=["tasks_app"])
        page = read(viewer)
        assert "5 completed" in page
        assert "secret" not in page
        assert "away" not in page
        assert viewer.get(f"{PAGE}?workspace=away").status_code == 403
        assert "4,000 completed" in read(
            staff_client("w", "viewer", apps=["tasks_app"], workspace=away)
        )

    def test_only_for_members(self, client: Client) -> None:
        assert client.get(PAGE).status_code == 302
        stranger = staff_client("s", apps=["tasks_app"])
        assert stranger.get(PAGE).status_code == 403
        user = get_user_model().objects.create_user("not-staff")
        client.force_login(user)
        assert client.get(PAGE).status_code == 302


def test_text_of_people_is_text(root: Client) -> None:
    make_rollup(9, completed=5, type=MARKUP)
    make_node(MARKUP, state="LOST", stopped_at=now(), version=MARKUP)
    for query in ("", f"?type={MARKUP}", f"?workspace=&span={MARKUP}&from={MARKUP}"):
        assert MARKUP not in read(root, f"{PAGE}{query}")


def test_the_number_of_queries_is_bounded(root: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            read(root)
        return len(queries)

    make_rollup(9, completed=5)
    before = count()
    for number in range(5):
        make_rollup(9 + number, completed=5, type=f"t{number}")
        make_sample(make_node(f"n{number}"), ago=9 * MINUTE)
        make_scaling_event(ago=60 * number)
    assert count() == before
    assert before <= 36  # with savepoints and time limits
