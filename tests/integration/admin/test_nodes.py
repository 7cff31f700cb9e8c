"""The admin's pages of nodes."""

from datetime import timedelta
from functools import partial

import pytest

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from controlplane.workspaces.models import AuditEvent
from tests.clients import staff_client
from tests.factories import make_node, make_sample

pytestmark = pytest.mark.django_db
NODES = "/admin/workers/node/"
TASK = uuid7()
login = partial(staff_client, role="viewer", apps=["workers"])


def test_a_node_with_its_slots_and_trend() -> None:
    node = make_node(
        memory_bytes=300 << 20,
        slots=[{"slot": 4711, "running": 1, "taskId": str(TASK), "startedAt": None}],
    )
    path = f"{NODES}{node.id}/change/"
    root, staff = login("root", is_superuser=True), login("staff")
    page = root.get(path).content.decode()
    assert "No samples yet." in page
    assert (str(TASK) in page, "4711" in page) == (True, True)
    for minutes, cpu in ((2, 10), (1, 90), (0, 50)):
        ago = timedelta(minutes=minutes)
        make_sample(node, ago=ago, cpu_percent=cpu, memory_bytes=(100 + cpu) << 20)
    page = root.get(path).content.decode()
    assert "CPU in percent of a core: now 50, at most 90 in 3 samples" in page
    assert "Memory in MiB: now 150, at most 190 in 3 samples" in page
    assert page.count("<polyline") == 2
    # Tasks of all workspaces are not for everybody who may look at nodes.
    page = staff.get(path).content.decode()
    assert page.count("<polyline") == 2
    assert str(TASK) not in page


def test_drain() -> None:
    node, ended = make_node(), make_node(state="LOST", stopped_at=now())
    form = {"action": "drain", "_selected_action": [node.id, ended.id], "index": 0, "post": "yes"}
    login("staff").post(NODES, form, follow=True)
    node.refresh_from_db()
    assert node.state == "ACTIVE"
    page = login("root", is_superuser=True).post(NODES, form, follow=True).content.decode()
    node.refresh_from_db()
    assert node.state == "DRAINING"
    assert "1 of 2 nodes draining." in page
    assert f"Node {ended.id} has ended: it is LOST." in page
    assert AuditEvent.objects.get(action="node.drain").actor_label == "root"
