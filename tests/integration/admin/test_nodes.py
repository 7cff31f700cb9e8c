"""The admin's pages of nodes."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.core.clock import now, utc_z
from controlplane.workspaces.models import AuditEvent
from tests.clients import other_workspace, staff_client
from tests.factories import make_attempts, make_error, make_node, make_sample, make_task
from workers.models import Node

pytestmark = pytest.mark.django_db
NODES = "/admin/workers/node/"
MARKUP = "<script>alert(1)</script>"
login = partial(staff_client, role="viewer", apps=["workers", "tasks_app"])


def page_of(node: Node, verb: str = "change") -> str:
    return f"{NODES}{node.id}/{verb}/"


def read(client: Client, path: str = NODES) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def slot(task: Any = None, process: int = 4711) -> dict[str, Any]:
    started = utc_z(now() - timedelta(seconds=30)) if task else None
    task_id = str(task.id) if task else None
    return {"slot": process, "running": int(bool(task)), "taskId": task_id, "startedAt": started}


def lose(name: str = "gone", **fields: Any) -> Node:
    ended = now() - timedelta(minutes=15)
    reason = "It was killed by SIGKILL, exit code 137 (out of memory)."
    return make_node(name, state="LOST", stopped_at=ended, end_reason=reason, **fields)


class TestTheList:
    def test_a_node_with_its_work(self, root: Client) -> None:
        node = make_node("fra-01", concurrency=4, cpu_percent=61.0, memory_bytes=3 << 30)
        tasks = [make_task("RUNNING", node_id=node.id, type="charge") for _ in range(2)]
        tasks.append(make_task("RUNNING", node_id=node.id, type="send"))
        Node.objects.update(slots=[*(slot(task) for task in tasks), slot()], running=3)
        for minutes in (2, 1, 0):
            make_sample(node, ago=timedelta(minutes=minutes))
        page = read(root)
        assert "3 of 4 slots are busy on 1 active node." in page
        assert "3 of 4 slots busy" in page
        assert "2 charge, 1 other" in page
        assert ("61" in page, "3.0 GiB" in page) == (True, True)
        assert "CPU of fra-01 in the last 30 minutes" in page

    def test_the_sentence_counts_one_and_many(self, root: Client) -> None:
        node = make_node("fra-01", concurrency=1, running=1, slots=[slot(make_task("RUNNING"))])
        assert "1 of 1 slot is busy on 1 active node." in read(root)
        assert "1 of 1 slot is busy." in read(root, page_of(node))
        Node.objects.update(concurrency=4, running=0)
        assert "0 of 4 slots are busy on 1 active node." in read(root)
        Node.objects.update(state="DRAINING", running=1)
        assert "1 node runs, and takes no tasks." in read(root)
        assert "It stops when 1 running task has ended." in read(root, page_of(node))
        make_node("fra-02", state="DRAINING")
        assert "2 nodes run, and none takes tasks." in read(root)

    def test_a_lost_node_comes_first_with_what_it_took_along(self, root: Client) -> None:
        make_node("calm")
        lost = lose(rescued=3, memory_bytes=4 << 30)
        for minutes in (40, 30, 20):
            make_sample(lost, ago=timedelta(minutes=minutes), memory_bytes=(45 - minutes) << 27)
        for state in ("COMPLETED", "COMPLETED", "FAILED"):
            task = make_task(state, attempt=2)
            make_attempts(task, [1], node_id=lost.id, outcome="LOST", at=lost.stopped_at)
        before = make_task("COMPLETED")
        make_attempts(before, [1], node_id=lost.id, outcome="LOST", at=now() - timedelta(hours=2))
        page = read(root)
        assert page.index(">gone</a> was lost") < page.index(">calm</a>")
        assert "exit code 137 (out of memory)" in page
        assert "It held 4.0 GiB at its last sample." in page
        assert ("3 tasks:" in page, "2 completed" in page, "1 failed" in page) == (True,) * 3
        assert '<caption class="visually-hidden">Memory of gone' in page
        assert page.count('<details class="chart-table">') == 1
        assert '<td class="number">3.1 GiB</td>' in page

    def test_a_loss_of_yesterday_is_not_shown(self, root: Client) -> None:
        make_node("old", state="LOST", stopped_at=now() - timedelta(days=2))
        page = read(root)
        assert "0 workers run." in page
        assert ">old</a>" in read(root, f"{NODES}?state=LOST")
        assert ">old</a>" in read(root, f"{NODES}?q=ol")
        assert "0 nodes match." in read(root, f"{NODES}?q=nothing")

    def test_tasks_of_other_workspaces_are_not_counted(self) -> None:
        node, away = make_node(), other_workspace("away")
        make_task("RUNNING", node_id=node.id, workspace=away, type="secret")
        lost = lose()
        task = make_task("FAILED", workspace=away, type="secret")
        make_attempts(task, [1], node_id=lost.id, outcome="LOST", at=lost.stopped_at)
        page = read(login("v"))
        assert "secret" not in page
        assert str(task.id) not in page
        assert "No task." in page


class TestOneNode:
    def test_a_node_with_its_slots_and_trend(self) -> None:
        task = make_task("RUNNING", name="Charge order 1", workspace=other_workspace("away"))
        node = make_node(memory_bytes=300 << 20, slots=[slot(task)])
        task.node_id = node.id
        task.save(update_fields=["node_id"])
        root, staff = login("root", is_superuser=True), login("staff")
        page = read(root, page_of(node))
        assert "No samples in this span." in page
        assert ("Charge order 1" in page, "4711" in page) == (True, True)
        for minutes, cpu in ((2, 10), (1, 90), (0, 50)):
            ago = timedelta(minutes=minutes)
            make_sample(node, ago=ago, cpu_percent=cpu, memory_bytes=(100 + cpu) << 20)
        page = read(root, page_of(node))
        assert "in percent of a core: now 50 %, at most 90 %" in page
        assert "Memory of node-a: now 150 MiB, at most 190 MiB" in page
        # Tasks of all workspaces are not for everybody who may look at nodes.
        page = read(staff, page_of(node))
        assert "Memory of node-a: now 150 MiB" in page
        assert "Charge order 1" not in page
        assert str(task.id) not in page
        assert "a task of another workspace" in page

    def test_its_newest_attempts(self, root: Client) -> None:
        node = make_node()
        good = make_task("COMPLETED", name="went well")
        bad = make_task("FAILED", name="went wrong")
        make_attempts(good, [1], node_id=node.id)
        error = make_error("no answer", name="Timeout")
        make_attempts(bad, [1], node_id=node.id, outcome="FAILED", error=error)
        other = make_task("COMPLETED", name="elsewhere")
        make_attempts(other, [1], node_id=node.id + 1)
        page = read(root, page_of(node))
        for text in ("went well", "went wrong", "Timeout: no answer", "Succeeded"):
            assert text in page, text
        assert "elsewhere" not in page

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"state": "STARTING"}, "It is starting."),
            ({"state": "DRAINING", "running": 2}, "It stops when 2 running tasks have ended."),
            ({"state": "STOPPED", "stopped_at": now(), "end_reason": "SIGTERM."}, "SIGTERM."),
            ({"state": "LOST", "stopped_at": now(), "end_reason": "Killed."}, "It was lost."),
        ],
    )
    def test_states(self, root: Client, fields: dict[str, Any], words: str) -> None:
        page = read(root, page_of(make_node(**fields)))
        assert words in page
        assert ("Drain…" in page) is (fields["state"] == "STARTING")

    def test_text_of_people_is_text(self, root: Client) -> None:
        task = make_task("RUNNING", name=MARKUP, type=MARKUP)
        node = make_node(MARKUP, host=MARKUP, version=MARKUP, slots=[slot(task)])
        task.node_id = node.id
        task.save(update_fields=["node_id"])
        make_attempts(
            make_task("FAILED", name=MARKUP), [1], node_id=node.id, error=make_error(MARKUP)
        )
        lost = lose(MARKUP)
        for path in (NODES, page_of(node), page_of(lost), page_of(node, "drain")):
            assert MARKUP not in read(root, path)


class TestDrain:
    def test_several(self) -> None:
        node, ended = make_node(), make_node(state="LOST", stopped_at=now())
        form = {
            "action": "drain", "_selected_action": [node.id, ended.id], "index": 0, "post": "yes",
            "reason": "OPS-1",
        }  # fmt: skip
        login("staff").post(NODES, form, follow=True)
        node.refresh_from_db()
        assert node.state == "ACTIVE"
        page = login("root", is_superuser=True).post(NODES, form, follow=True).content.decode()
        node.refresh_from_db()
        assert node.state == "DRAINING"
        assert "1 of 2 nodes draining." in page
        assert f"Node {ended.id} has ended: it is LOST." in page
        assert AuditEvent.objects.get(action="node.drain").actor_label == "root"

    def test_one_after_a_confirmation(self, root: Client) -> None:
        node = make_node("fra-01", running=3)
        page = read(root, page_of(node, "drain"))
        assert "3 running tasks finish, then it stops" in page
        node.refresh_from_db()
        assert node.state == "ACTIVE"
        page = root.post(page_of(node, "drain"), {"post": "yes"}, follow=True).content.decode()
        assert "Node fra-01 is draining: 3 running tasks finish, then it stops." in page
        node.refresh_from_db()
        assert node.state == "DRAINING"
        ended = lose()
        page = root.get(page_of(ended, "drain"), follow=True).content.decode()
        assert f"Node {ended.id} has ended: it is LOST." in page
        assert root.get(f"{NODES}999999/drain/").status_code == 302

    def test_only_superusers(self) -> None:
        node = make_node()
        staff = login("staff")
        assert staff.get(page_of(node, "drain")).status_code == 403
        assert staff.post(page_of(node, "drain")).status_code == 403
        for path in (NODES, page_of(node)):
            page = read(staff, path)
            assert "Drain…" not in page
            assert "Drain several" not in page
            assert "_selected_action" not in page


def count_queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        read(client, path)
    return len(queries)


@pytest.mark.parametrize("path_of", [lambda node: NODES, page_of])
def test_the_number_of_queries_is_bounded(root: Client, path_of: Callable[[Node], str]) -> None:
    def add(number: int) -> Node:
        node = make_node(f"n{number}")
        make_sample(node)
        make_sample(node, ago=timedelta(minutes=1))
        task = make_task("RUNNING", node_id=node.id)
        Node.objects.filter(id=node.id).update(slots=[slot(task)])
        lost = lose(f"lost{number}")
        make_attempts(make_task("FAILED"), [1], node_id=lost.id, outcome="LOST", at=lost.stopped_at)
        make_attempts(make_task("COMPLETED"), [1], node_id=node.id)
        return node

    node = add(0)
    before = count_queries(root, path_of(node))
    for number in range(1, 6):
        add(number)
    assert count_queries(root, path_of(node)) <= before
    assert before <= 40
