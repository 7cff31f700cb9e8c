"""The admin's pages of tasks, queues, nodes and records."""

import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.core.clock import now
from controlplane.workspaces.models import AuditEvent, Workspace
from tasks_app.models import IdempotencyKey, Queue, Task
from tests.clients import default_workspace, other_workspace, staff_client
from tests.factories import make_attempt, make_leader, make_log, make_node, make_queue, make_task

pytestmark = pytest.mark.django_db
TASKS = "/admin/tasks_app/task/"
QUEUES = "/admin/tasks_app/queue/"
login = partial(staff_client, apps=["tasks_app", "workers"])


def act(client: Client, action: str, *tasks: Task, **data: Any) -> str:
    answer = client.post(
        TASKS,
        {
            "action": action,
            "_selected_action": [str(task.id) for task in tasks],
            "post": "yes",
            "reason": "OPS-1",
            **data,
        },
        follow=True,
    )
    assert answer.status_code == 200
    return answer.content.decode()


class TestTasks:
    """Lists, the page of one, actions."""

    def test_internal_tasks_are_shown_only_when_they_are_asked_for(self, root: Client) -> None:
        make_task(name="own work")
        join = make_task(name="the join", type="workflow-join")
        page = root.get(TASKS).content.decode()
        assert "own work" in page
        assert "the join" not in page
        assert "the join" in root.get(TASKS, {"internal": "true"}).content.decode()
        assert "the join" in root.get(TASKS, {"id": str(join.id)}).content.decode()
        assert root.get(f"{TASKS}{join.id}/change/").status_code == 200
        act(root, "cancel", join)
        join.refresh_from_db()
        assert join.state == "CANCELLED"

    def test_an_action_on_all_rows_leaves_hidden_tasks_alone(self, root: Client) -> None:
        shown, hidden = make_task(), make_task(type="workflow-join")
        assert "1 of 1 task cancelled" in act(root, "cancel", shown, select_across="1")
        hidden.refresh_from_db()
        assert hidden.state == "PENDING"

    def test_the_list_costs_a_fixed_number_of_queries(self, root: Client) -> None:
        counts = []
        for _ in range(2):
            for n in range(5):
                make_task(queue=f"q{n}", workspace=other_workspace(f"w{n}"))
            with CaptureQueriesContext(connection) as queries:
                assert root.get(TASKS).status_code == 200
            counts.append(len(queries))
            statements = " ".join(query["sql"] for query in queries)
            assert 'COUNT(*) FROM "tasks_app_task"' not in statements
        assert counts[0] == counts[1]

    def test_search_and_filters(self, root: Client) -> None:
        one = make_task(name="the-first", type="sleep", queue="mail")
        make_task("FAILED", name="the-second")
        for query, expected in [
            (f"search={one.id}", "the-first"),
            ("search=second", "the-second"),
            ("search=sleep", "the-first"),
            ("status=FAILED", "the-second"),
            ("queue=mail", "the-first"),
        ]:
            page = root.get(f"{TASKS}?{query}").content.decode()
            hidden = {"the-first", "the-second"} - {expected}
            assert expected in page, query
            assert hidden.pop() not in page, query

    def test_the_page_of_a_task_shows_what_belongs_to_it(self, root: Client) -> None:
        node = make_node("worker-9")
        parent = make_task("COMPLETED", name="the-parent")
        task = make_task(
            "COMPLETED", name="it", parents=[parent], payload={"a": "<b>"}, result={"x": 1}
        )
        make_attempt(task, node_id=node.id, error={"class": "E", "message": "oh no"})
        make_log(task, "a line <i>")
        make_task("BLOCKED", name="the-child", parents=[task], blocked_by=1)
        page = root.get(f"{TASKS}{task.id}/change/").content.decode()
        for text in ("worker-9", "oh no", "a line &lt;i&gt;", "the-parent", "the-child"):
            assert text in page
        assert "It completed at" in page
        assert "&lt;b&gt;" in page
        typed = re.findall(r'<input type="text"[^>]*name="([^"]*)"', page)
        assert set(typed) == {"reason"}  # of the questions; nothing is edited here

    def test_nothing_is_added_changed_or_deleted(self, root: Client) -> None:
        task = make_task(priority=3)
        assert root.get(f"{TASKS}add/").status_code == 403
        assert root.get(f"{TASKS}{task.id}/delete/").status_code == 403
        assert root.post(f"{TASKS}{task.id}/change/", {"priority": 9}).status_code == 403
        assert Task.objects.get().priority == 3

    def test_actions_call_the_services_as_the_person(self, root: Client) -> None:
        waits, ended = make_task(), make_task("FAILED")
        assert "1 of 2 tasks cancelled" in act(root, "cancel", waits, ended)
        assert Task.objects.get(id=waits.id).state == "CANCELLED"
        event = AuditEvent.objects.get(action="task.cancel")
        assert (event.actor_kind, event.actor_label) == ("user", "root")
        assert "2 of 2 tasks retried" in act(root, "retry", waits, ended)
        assert set(Task.objects.values_list("state", flat=True)) == {"PENDING"}
        later = make_task("SCHEDULED")
        assert "1 of 2 tasks made ready" in act(root, "run_now", later, waits)
        assert "given priority 7" in act(root, "reprioritize", later, priority="7")
        assert Task.objects.get(id=later.id).priority == 7
        assert "Give a priority" in act(root, "reprioritize", later)
        act(root, "reprioritize", later, priority="700")
        assert Task.objects.get(id=later.id).priority == 7

    def test_the_buttons_of_the_page_post_actions(self, root: Client) -> None:
        task = make_task()
        address = f"{TASKS}{task.id}/change/"
        page = root.get(address).content.decode()
        act_address = f"{TASKS}{task.id}/act/?action=cancel"
        assert f'action="{act_address}"' in page
        assert 'name="post" value="yes"' in page
        answer = root.post(act_address, {"post": "yes", "status": "PENDING"})
        assert (answer.status_code, answer.headers["Location"]) == (302, address)
        assert Task.objects.get().state == "CANCELLED"

    def test_a_question_about_an_earlier_state_is_asked_again(self, root: Client) -> None:
        task = make_task("COMPLETED")
        address = f"{TASKS}{task.id}/act/?action=retry"
        page = root.post(address, {"post": "yes", "status": "FAILED"}).content.decode()
        assert "Nothing was changed yet: the task is completed now." in page
        assert 'name="status" value="COMPLETED"' in page
        assert "It completed" in page
        assert Task.objects.get().state == "COMPLETED"
        root.post(address, {"post": "yes", "status": "COMPLETED"})
        assert Task.objects.get().state == "PENDING"

    def test_members_see_and_act_in_their_workspaces_only(self, other: Workspace) -> None:
        mine, theirs = make_task(name="mine"), make_task(name="theirs", workspace=other)
        client = login("op", "operator")
        page = client.get(TASKS).content.decode()
        assert "mine" in page
        assert "theirs" not in page
        assert client.get(f"{TASKS}{theirs.id}/change/").status_code == 302  # not found: home
        act(client, "cancel", mine, theirs)
        assert Task.objects.get(id=theirs.id).state == "PENDING"
        assert Task.objects.get(id=mine.id).state == "CANCELLED"
        nobody = login("nobody")
        assert "mine" not in nobody.get(TASKS).content.decode()

    def test_viewers_look_only(self, db: None) -> None:
        task = make_task()
        client = login("eve", "viewer")
        page = client.get(f"{TASKS}{task.id}/change/").content.decode()
        assert "Cancel the task" not in page
        answer = client.post(TASKS, {"action": "cancel", "_selected_action": str(task.id)})
        assert answer.status_code == 403
        sent = {"post": "yes", "status": "PENDING"}
        answer = client.post(f"{TASKS}{task.id}/act/?action=cancel", sent)
        assert answer.status_code == 403
        assert Task.objects.get().state == "PENDING"

    def test_without_djangos_permission_nothing(self, db: None) -> None:
        user = get_user_model().objects.create_user("plain", is_staff=True)
        client = Client()
        client.force_login(user)
        for path in (TASKS, QUEUES, "/admin/workers/node/", "/admin/tasks_app/leader/"):
            assert client.get(path).status_code == 403


class TestQueues:
    """Pause, resume, limits."""

    def test_the_list_counts_in_one_query(self, root: Client) -> None:
        make_task()
        make_task("RUNNING", queue="mail")
        counts = []
        for n in range(2):
            for number in range(5):
                make_queue(f"more-{n}-{number}")
            with CaptureQueriesContext(connection) as queries:
                page = root.get(QUEUES)
            counts.append(len(queries))
        assert page.status_code == 200
        assert 'data-live="#depth">1</a>' in page.content.decode()
        assert counts[0] == counts[1]

    def test_pause_and_resume(self, root: Client) -> None:
        queue = make_queue()
        root.post(QUEUES, {"action": "pause", "_selected_action": str(queue.id), "reason": "x"})
        assert Queue.objects.get().paused_by == "root"
        root.post(QUEUES, {"action": "resume", "_selected_action": str(queue.id)})
        assert Queue.objects.get().paused_at is None
        assert AuditEvent.objects.filter(action="queue.change").count() == 2

    def test_limits_go_through_the_service(self, root: Client) -> None:
        queue = make_queue()
        data = {"max_running": "4", "rate_per_second": ""}
        assert root.post(f"{QUEUES}{queue.id}/change/", data).status_code == 302
        assert Queue.objects.get().max_running == 4
        assert AuditEvent.objects.get(action="queue.change").detail["after"]["maxRunning"] == 4
        answer = root.post(f"{QUEUES}{queue.id}/change/", {**data, "max_running": "0"})
        assert answer.status_code == 200  # the form again, with the error
        assert Queue.objects.get().max_running == 4

    def test_operators_pause_admins_limit(self, other: Workspace) -> None:
        queue = make_queue()
        theirs = make_queue("theirs", other)
        operator = login("op", "operator")
        assert operator.post(f"{QUEUES}{queue.id}/change/", {"max_running": "4"}).status_code == 403
        pause = {"action": "pause", "_selected_action": [queue.id, theirs.id], "reason": "x"}
        operator.post(QUEUES, pause)
        assert Queue.objects.get(id=queue.id).paused_at is not None
        assert Queue.objects.get(id=theirs.id).paused_at is None
        viewer = login("eve", "viewer")
        answer = viewer.post(QUEUES, {"action": "resume", "_selected_action": queue.id})
        assert answer.status_code == 403
        admin = login("ada", "admin")
        assert admin.post(f"{QUEUES}{queue.id}/change/", {"max_running": "4"}).status_code == 302

    def test_nothing_is_added_or_deleted(self, root: Client) -> None:
        queue = make_queue()
        assert root.get(f"{QUEUES}add/").status_code == 403
        assert root.get(f"{QUEUES}{queue.id}/delete/").status_code == 403


class TestRecords:
    """What the engine keeps for itself is looked at."""

    def test_keys_are_those_of_the_own_workspaces(self, root: Client, other: Workspace) -> None:
        for workspace, key in ((default_workspace(), "mine"), (other, "theirs")):
            IdempotencyKey.objects.create(
                workspace_id=workspace.id,
                key=key,
                body_hash=b"x",
                answer={},
                expires_at=now() + timedelta(hours=1),
            )
        path = "/admin/tasks_app/idempotencykey/"
        assert "theirs" in root.get(path).content.decode()
        page = login("ada", "admin").get(path).content.decode()
        assert "mine" in page
        assert "theirs" not in page
        first = IdempotencyKey.objects.first()
        assert first is not None
        assert root.get(f"{path}{first.id}/change/").status_code == 200
        assert root.get(f"{path}add/").status_code == 403

    def test_leaders_are_for_superusers(self, root: Client) -> None:
        make_leader("dispatcher", holder_label="host:1", seconds=0)
        path = "/admin/tasks_app/leader/"
        assert "host:1" in root.get(path).content.decode()
        assert root.get(f"{path}dispatcher/change/").status_code == 200
        assert login("ada", "admin").get(path).status_code == 403

    def test_nodes(self, root: Client) -> None:
        node = make_node("worker-3")
        path = "/admin/workers/node/"
        assert "worker-3" in root.get(path).content.decode()
        assert root.get(f"{path}{node.id}/change/").status_code == 200
        assert root.get(f"{path}add/").status_code == 403
        assert root.get(f"{path}{node.id}/delete/").status_code == 403
