"""The pages of queues: the list, one queue, and what may be done there."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.core.clock import now
from controlplane.workspaces.models import AuditEvent
from tasks_app.models import MinuteSample, Queue, QueueSample, Rollup, Task
from tests.clients import other_workspace, staff_client
from tests.factories import make_error, make_node, make_queue, make_task, make_tasks
from workers.models import Node

pytestmark = pytest.mark.django_db
LIST = "/admin/tasks_app/queue/"
MARKUP = "<script>alert(1)</script><b>\u202e"
login = partial(staff_client, apps=["tasks_app", "workers"])


def page_of(queue: Queue, verb: str = "change") -> str:
    return reverse(f"admin:tasks_app_queue_{verb}", args=[queue.pk])


def read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def roll_up(queue: Queue, **figures: Any) -> None:
    """What happened five minutes ago."""
    at = now().replace(second=0, microsecond=0) - timedelta(minutes=5)
    values = {
        "type": "noop", "submitted": 0, "started": 0, "completed": 0, "failed": 0,
        "failed_tasks": 0, "retried": 0, "lost": 0, "cancelled": 0, "run_ms": 0, "wait_ms": 0,
        "runs": {}, "waits": {},
        **figures,
    }  # fmt: skip
    Rollup.objects.create(
        workspace_id=queue.workspace_id, seconds=60, at=at, queue_id=queue.id, **values
    )


def sample(queue: Queue, waiting: dict[int, int]) -> None:
    """What waited at some moments, by their age in minutes."""
    minute = now().replace(second=0, microsecond=0)
    for minutes, tasks in waiting.items():
        at = minute - timedelta(minutes=minutes)
        MinuteSample.objects.create(at=at, nodes=1, slots=2)
        QueueSample.objects.create(
            queue_id=queue.id, at=at, waiting=tasks, running=0, oldest_wait_ms=tasks * 1_000
        )


def let_wait(queue: Queue, seconds: int, number: int = 1, **fields: Any) -> None:
    made = make_tasks(number, workspace=queue.workspace, queue=queue.name, **fields)
    ids = [task.id for task in made]
    Task.objects.filter(id__in=ids).update(created_at=now() - timedelta(seconds=seconds))


class TestTheList:
    def test_what_waits_longest_comes_first(self, root: Client) -> None:
        make_node()
        for name, seconds in (("calm", 2), ("late", 300), ("middle", 20)):
            let_wait(make_queue(name), seconds)
        make_queue("idle")
        page = read(root, LIST)
        order = [page.index(f">{name}</a>") for name in ("late", "middle", "calm", "idle")]
        assert order == sorted(order)
        assert "1 queue misses the objective of 1 min: late has waited 5 min" in page
        assert page.count("Waits too long") == 1
        by_name = read(root, f"{LIST}?sort=name")
        names = [by_name.index(f">{name}</a>") for name in ("calm", "idle", "late", "middle")]
        assert names == sorted(names)

    def test_the_figures_of_a_queue(self, root: Client) -> None:
        make_node()
        queue = make_queue("mail", max_running=4)
        let_wait(queue, 3, 7)
        make_task("RUNNING", queue="mail")
        sample(queue, {3: 9, 1: 7})
        roll_up(queue, completed=60, failed=9, failed_tasks=3, waits={"70": 60}, runs={"50": 60})
        page = read(root, LIST)
        assert re.search(r'status=PENDING&amp;internal=true"[^>]*>7</a>', page)
        assert "of 4</span>" in page
        assert "status=FAILED&amp;finishedAfter=" in page
        assert re.search(r"status=FAILED[^>]*>3</a>", page)
        assert "Waiting in mail in the last hour: now 7, at most 9" in page

    def test_a_paused_queue_says_by_whom_and_why(self, root: Client) -> None:
        queue = make_queue("media", paused_at=now(), paused_by="ada", pause_reason="New encoder")
        let_wait(queue, 9_000)
        page = read(root, LIST)
        assert "by ada: New encoder" in page
        assert "Waits too long" not in page
        assert "1 of 1 is paused." in page
        make_queue("other")
        assert ">other</a>" not in read(root, f"{LIST}?show=paused")
        assert ">media</a>" not in read(root, f"{LIST}?q=oth")

    def test_a_queue_without_a_worker_is_wrong(self, root: Client) -> None:
        let_wait(make_queue("mail"), 2)
        assert "No worker serves mail: its tasks do not start." in read(root, LIST)
        node = make_node(queues=["mail"])
        assert "No worker serves" not in read(root, LIST)
        Node.objects.filter(pk=node.pk).update(state="DRAINING")
        assert "No worker serves mail: its tasks do not start." in read(root, LIST)

    def test_no_queue_yet(self, root: Client) -> None:
        assert "0 queues yet." in read(root, LIST)
        assert "0 queues match." in read(root, f"{LIST}?q=nothing")

    def test_one_workspace(self, root: Client) -> None:
        make_queue("mine")
        make_queue("theirs", other_workspace("away"))
        page = read(root, f"{LIST}?workspace=away")
        assert (">theirs</a>" in page, ">mine</a>" in page) == (True, False)
        assert 'data-workspace="away"' in page
        page = read(login("v", "viewer"), f"{LIST}?workspace=away")
        assert "theirs" not in page

    def test_pages_of_fifty(self, root: Client) -> None:
        for number in range(52):
            make_queue(f"q{number:02}")
        assert "Page 1 of 2" in read(root, LIST)
        page = read(root, f"{LIST}?p=2&sort=name")
        assert (">q51</a>" in page, ">q00</a>" in page) == (True, False)

    def test_pause_and_resume_several(self) -> None:
        queues = [make_queue("one"), make_queue("two")]
        data = {"action": "pause", "_selected_action": [q.pk for q in queues], "reason": "storm"}
        viewer, operator = login("v", "viewer"), login("o", "operator")
        assert viewer.post(LIST, data).status_code == 403
        assert "2 of 2 queues paused." in operator.post(LIST, data, follow=True).content.decode()
        assert {q.pause_reason for q in Queue.objects.all()} == {"storm"}
        data["action"] = "resume"
        assert "2 of 2 queues resumed." in operator.post(LIST, data, follow=True).content.decode()
        assert not Queue.objects.exclude(paused_at=None, pause_reason="").exists()

    def test_a_queue_that_was_paused_before_stays_so_after_the_undo(self) -> None:
        queues = [make_queue("one"), make_queue("two")]
        Queue.objects.filter(name="two").update(paused_at=now(), pause_reason="storm")
        data = {"action": "pause", "_selected_action": [q.pk for q in queues], "reason": "storm"}
        operator = login("o", "operator")
        found = operator.post(LIST, data, follow=True).content.decode()
        assert "1 of 2 queues paused." in found
        assert "Two: It was paused already." in found
        key = found.partition('name="undo" value="')[2].partition('"')[0]
        operator.post("/admin/undo/", {"undo": key})
        assert list(Queue.objects.filter(paused_at=None).values_list("name", flat=True)) == ["one"]
        found = operator.post(LIST, {**data, "_selected_action": [queues[1].pk]}, follow=True)
        assert "0 of 1 queue paused." in found.content.decode()
        assert 'name="undo"' not in found.content.decode()

    def test_a_viewer_is_offered_no_action(self) -> None:
        make_queue("mail")
        page = read(login("v", "viewer"), LIST)
        assert "_selected_action" not in page
        assert 'name="action"' not in page
        assert "_selected_action" in read(login("o", "operator"), LIST)


class TestOneQueue:
    def test_a_late_queue_that_its_own_limit_holds_back(self, root: Client) -> None:
        make_node()
        queue = make_queue("billing", max_running=1)
        let_wait(queue, 372, 5, type="charge-card")
        make_task("RUNNING", queue="billing", name="Charge order 1")
        roll_up(queue, type="charge-card", completed=10, waits={"130": 10}, runs={"70": 10})
        page = read(root, page_of(queue))
        assert "It misses its wait objective:" in page
        assert "more workers would not help" in page
        assert "Most of what ended here in the last hour was charge-card." in page
        assert "1 of 1 may run at once" in page
        assert "Charge order 1" in page
        assert "Waits before the start of 10 attempts in the last hour" in page

    @pytest.mark.parametrize("span", ["1h", "6h", "24h", "nonsense"])
    def test_spans(self, root: Client, span: str) -> None:
        queue = make_queue("mail")
        roll_up(queue, submitted=60, started=30)
        page = read(root, f"{page_of(queue)}?span={span}")
        shown = span if span != "nonsense" else "1h"
        assert f"60 tasks arrived and 30 attempts started in the last {shown}" in page

    def test_a_queue_in_which_nothing_happens(self, root: Client) -> None:
        page = read(root, page_of(make_queue("idle")))
        assert "Nothing waits." in page
        assert "No attempt ended in the last hour." in page
        assert "No task failed." in page

    def test_who_fills_it(self, root: Client) -> None:
        queue = make_queue("mail")
        let_wait(queue, 60, 3, type="send", tags=["eu"])
        let_wait(queue, 20, 1, type="receive", tags=["eu", "us"])
        away = make_queue("mail", other_workspace("away"))
        let_wait(away, 20, 2)
        page = read(root, page_of(queue))
        assert page.index(">send</a>") < page.index(">receive</a>")
        page = read(root, f"{page_of(queue)}?by=tag")
        assert page.index(">eu</a>") < page.index(">us</a>")
        page = read(root, f"{page_of(queue)}?by=workspace")
        assert page.index(">default</span>") < page.index(f'href="{page_of(away)}">away</a>')
        own = read(login("v", "viewer"), f"{page_of(queue)}?by=workspace")
        assert "away" not in own

    def test_what_failed(self, root: Client) -> None:
        queue = make_queue("mail")
        for number in range(3):
            error = make_error("no answer", name="Timeout" if number else "Refused")
            make_task("FAILED", queue="mail", error=error)
        make_task("FAILED", queue="mail", error=None, finished_at=now() - timedelta(hours=2))
        page = read(root, page_of(queue))
        assert page.index(">Timeout</a>") < page.index(">Refused</a>")
        assert "errorClass=Timeout" in page
        assert "Unknown error" not in page

    def test_text_of_people_is_text(self, root: Client) -> None:
        queue = make_queue("mail", paused_at=now(), paused_by=MARKUP, pause_reason=MARKUP)
        let_wait(queue, 1, type=MARKUP, tags=[MARKUP])
        error = make_error(MARKUP, name=MARKUP)
        make_task("FAILED", queue="mail", error=error, type=MARKUP)
        make_task("RUNNING", queue="mail", name=MARKUP)
        for path in (
            LIST, page_of(queue), f"{page_of(queue)}?by=tag",
            f"{page_of(queue, 'cancel')}?{urlencode({'type': MARKUP})}",
        ):  # fmt: skip
            page = read(root, path)
            assert MARKUP not in page
            assert "<script>alert" not in page

    def test_what_a_viewer_sees(self) -> None:
        queue = make_queue("mail", max_running=3)
        let_wait(queue, 2)
        page = read(login("v", "viewer"), page_of(queue))
        for text in ("Pause", "Cancel…", "Save limits", "Change limits", 'method="post" action'):
            assert text not in page.partition("<main")[2].partition("</main>")[0], text
        assert "0 of 3" in page
        operator = read(login("o", "operator"), page_of(queue))
        assert "Pause mail" in operator
        assert "Save limits" not in operator
        assert "Save limits" in read(login("a", "admin"), page_of(queue))


class TestActions:
    def test_a_pause_needs_a_reason(self) -> None:
        queue, operator = make_queue("mail"), login("o", "operator")
        page = operator.post(page_of(queue, "pause"), follow=True).content.decode()
        assert "Give a reason for the pause" in page
        answer = operator.post(page_of(queue, "pause"), {"reason": " a \n storm "}, follow=True)
        assert "Queue mail is paused." in answer.content.decode()
        queue.refresh_from_db()
        assert (queue.pause_reason, queue.paused_by) == ("a storm", "o")
        assert AuditEvent.objects.get(action="queue.change").detail["reason"] == "a storm"
        page = read(operator, page_of(queue))
        assert "It is paused by o." in page
        operator.post(page_of(queue, "resume"))
        queue.refresh_from_db()
        assert (queue.paused_at, queue.pause_reason) == (None, "")

    def test_what_changes_nothing_offers_no_undo(self) -> None:
        queue, admin = make_queue("mail"), login("a", "admin")
        for path, data in ((page_of(queue, "resume"), {}), (page_of(queue), {})):
            page = admin.post(path, data, follow=True).content.decode()
            assert "Nothing to change: queue mail already has these values." in page
            assert "data-undo" not in page
        page = admin.post(page_of(queue, "pause"), {"reason": "storm"}, follow=True)
        assert "data-undo" in page.content.decode()

    def test_limits(self) -> None:
        queue, admin = make_queue("mail"), login("a", "admin")
        data = {"max_running": "3", "rate_per_second": "1.5"}
        page = admin.post(page_of(queue), data, follow=True).content.decode()
        assert "The limits of mail were saved." in page
        queue.refresh_from_db()
        assert (queue.max_running, queue.rate_per_second) == (3, 1.5)
        page = admin.post(page_of(queue), {**data, "max_running": "-1"}).content.decode()
        assert "greater than or equal to 0" in page
        queue.refresh_from_db()
        assert queue.max_running == 3
        admin.post(page_of(queue), {"max_running": "", "rate_per_second": ""})
        queue.refresh_from_db()
        assert (queue.max_running, queue.rate_per_second) == (None, None)

    def test_one_slice_is_cancelled_after_a_confirmation(self) -> None:
        queue, operator = make_queue("mail"), login("o", "operator")
        let_wait(queue, 2, 12, type="send", name="a letter")
        let_wait(queue, 2, 2, type="receive")
        let_wait(make_queue("other"), 2, 3, type="send")
        away = make_queue("mail", other_workspace("away"))
        let_wait(away, 2, 3, type="send")
        path = f"{page_of(queue, 'cancel')}?type=send"
        page = read(operator, path)
        assert "Cancel type send in mail?" in page
        assert "12 waiting tasks." in page
        assert "and 2 more" in page
        assert not Task.objects.filter(state="CANCELLED").exists()
        page = operator.post(
            page_of(queue, "cancel"),
            {"type": "send", "post": "yes", "reason": "OPS-1"},
            follow=True,
        )
        assert "Cancelled 12 of 12 waiting tasks (type send in mail)." in page.content.decode()
        cancelled = Task.objects.filter(state="CANCELLED")
        assert {(task.queue_id, task.type) for task in cancelled} == {(queue.id, "send")}
        assert cancelled.count() == 12

    def test_one_tag(self) -> None:
        queue, operator = make_queue("mail"), login("o", "operator")
        let_wait(queue, 2, 2, tags=["a, b"])
        let_wait(queue, 2, 2, tags=["a"])
        operator.post(page_of(queue, "cancel"), {"tag": "a, b", "post": "yes", "reason": "OPS-1"})
        assert {tuple(t.tags) for t in Task.objects.filter(state="CANCELLED")} == {("a, b",)}

    def test_the_whole_queue_needs_its_name(self) -> None:
        queue, operator = make_queue("mail"), login("o", "operator")
        let_wait(queue, 2, 2)
        page = operator.post(
            page_of(queue, "cancel"), {"confirm": "mial", "post": "yes", "reason": "OPS-1"}
        ).content.decode()
        assert "Type mail to confirm" in page
        assert not Task.objects.filter(state="CANCELLED").exists()
        operator.post(
            page_of(queue, "cancel"), {"confirm": "mail", "post": "yes", "reason": "OPS-1"}
        )
        assert Task.objects.filter(state="CANCELLED").count() == 2

    @pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
    def test_only_operators_of_its_workspace(self, verb: str) -> None:
        away = make_queue("mail", other_workspace("away"))
        own = make_queue("mail")
        assert login("o", "operator").post(page_of(away, verb)).status_code == 404
        assert login("v", "viewer").post(page_of(own, verb)).status_code == 403
        assert not AuditEvent.objects.filter(action="queue.change").exists()


@pytest.mark.django_db(transaction=True)
def test_a_part_that_cannot_be_read_leaves_the_others() -> None:
    root = staff_client("root", apps=[], is_superuser=True)
    queue = make_queue("mail")
    let_wait(queue, 90, 7)
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE tasks_app_rollup IN ACCESS EXCLUSIVE MODE")
        pages = [read(root, LIST), read(root, page_of(queue))]
    finally:
        other.close()
    for page in pages:
        assert "The roll-ups of the last 1 h take too long to read." in page
        assert re.search(r'data-live="#depth">7<', page)
    assert "take too long" not in read(root, LIST)


def count_queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        read(client, path)
    return len(queries)


@pytest.mark.parametrize("path_of", [lambda queue: LIST, page_of])
def test_the_number_of_queries_is_bounded(root: Client, path_of: Callable[[Queue], str]) -> None:
    queue = make_queue("mail")
    let_wait(queue, 2)
    roll_up(queue, completed=1)
    before = count_queries(root, path_of(queue))
    for number in range(5):
        other = make_queue(f"q{number}")
        let_wait(other, 2, 3, type=f"t{number}", tags=["a"])
        let_wait(queue, 2, 3, type=f"t{number}", tags=[f"tag {number}"])
        make_task("RUNNING", queue="mail")
        make_task("FAILED", queue="mail", error=make_error(name=f"E{number}"))
        roll_up(other, completed=1)
    assert count_queries(root, path_of(queue)) <= before + 1  # the names of nodes
    assert before <= 34  # four for the description of types and queues
