"""`manage.py nodes`."""

from datetime import timedelta
from threading import Timer

import pytest
from django.db import connection

from controlplane.core.clock import now
from controlplane.workspaces.models import AuditEvent
from tests.factories import make_node, make_task
from tests.integration.commands.running import run
from workers.models import Node
from workers.services import stop_node


@pytest.mark.django_db
def test_list_and_show() -> None:
    assert "There are no nodes" in run("nodes", "list").out
    task = make_task("RUNNING")
    slot = {"slot": 4711, "running": 1, "taskId": str(task.id), "startedAt": "2026-01-01T00:00:00Z"}
    node = make_node(cpu_percent=49.6, memory_bytes=300 << 20, slots=[slot], processed=12)
    make_node("old", state="LOST", stopped_at=now() - timedelta(hours=2))
    assert [each["name"] for each in run("nodes", "list", "--json").json] == ["node-a"]
    assert [each["name"] for each in run("nodes", "list", "--status=LOST", "--json").json] == [
        "old"
    ]
    table = run("nodes", "list").out
    assert "50 %" in table
    assert "300" in table
    shown = run("nodes", "show", str(node.id)).out
    assert str(task.id) in shown
    assert "12 tasks ended" in shown
    assert run("nodes", "show", str(node.id), "--json").json["slots"][0]["type"] == "noop"
    assert run("nodes", "show", "999999").code == 3


@pytest.mark.django_db
def test_many_short_lived_nodes_hide_none_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks_app.management.commands.nodes._MAX_NODES", 2)
    make_node("lasting")
    for number in range(3):
        make_node(f"brief-{number}", state="STOPPED", stopped_at=now())
    shown = [each["name"] for each in run("nodes", "list", "--json").json]
    assert shown == ["brief-2", "lasting"]


@pytest.mark.django_db
def test_a_node_is_named_by_its_id_or_its_name_and_says_why_it_ended() -> None:
    node = make_node(state="LOST", stopped_at=now(), end_reason="It [/x] was killed.")
    Node.objects.filter(id=node.id).update(name=f"vm#{node.id}")
    for reference in (str(node.id), f"vm#{node.id}"):
        assert "LOST. It [/x] was killed." in run("nodes", "show", reference).out
    assert "It [/x] was killed." in " ".join(run("nodes", "list").out.split())
    for wrong in (f"other#{node.id}", "vm#", "vm", "vm#99999999999999999999"):
        assert run("nodes", "show", wrong).code == 3
        assert run("nodes", "drain", wrong).code == 3


@pytest.mark.django_db
def test_drain() -> None:
    node = make_node()
    assert "is DRAINING" in run("nodes", "drain", str(node.id)).out
    assert "at the command line" in AuditEvent.objects.get(action="node.drain").actor_label
    ran = run("nodes", "drain", str(node.id), "--wait", "--timeout=50ms")
    assert (ran.code, "is DRAINING" in ran.err) == (4, True)
    Node.objects.filter(id=node.id).update(state="STOPPED", stopped_at=now())
    assert run("nodes", "drain", str(node.id)).code == 1
    assert run("nodes", "drain", "999999").code == 3


def _end(node_id: int) -> None:
    stop_node(node_id)
    connection.close()


def test_drain_and_wait(transactional_db: None) -> None:
    node = make_node()
    timer = Timer(0.3, _end, [node.id])
    timer.start()
    ran = run("nodes", "drain", str(node.id), "--wait")
    timer.join()
    assert (ran.code, "is STOPPED" in ran.out) == (0, True)
