"""The live topics: the same figures as the page, and changes that lead to the same snapshot."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.test import Client

from controlplane.core.clock import now
from controlplane.core.errors import Unavailable
from controlplane.core.formatting import format_time
from controlplane.live.changes import apply, find_change
from controlplane.live.topics import UnknownTopic, find_topic, read_snapshot
from controlplane.ops.overview.live import read_charts, read_overview
from controlplane.ops.overview.panels import PANELS
from controlplane.ops.overview.queries.source import Source
from dlq.models import DeadLetter
from tasks_app.models import QueueDescriptor
from tests.clients import default_workspace
from tests.factories import make_leader, make_letter, make_node, make_queue, make_task
from workers.services import register_node

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(django_user_model: Any) -> Client:
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("root"))
    return client


def read():
    return read_overview(default_workspace().id, "")


def test_it_has_every_panel_with_rows_by_key():
    make_leader("dispatcher", seconds=60)
    queue = make_queue("billing")
    make_task(queue=queue.name, created_at=now() - timedelta(minutes=6))
    letter = make_letter(name="a failure")
    node = make_node(heartbeat_at=now())
    found = read()
    assert found["situation"]["order"] == ["queue:billing"]
    assert found["situation"]["rows"]["queue:billing"]["url"].endswith(f"/{queue.id}/change/")
    assert found["figures"]["rows"]["waiting"]["value"] == "1"
    assert found["queues"]["rows"][str(queue.id)]["waiting"] == "1"
    assert found["failures"]["order"] == [str(letter.id)]
    assert str(node.id) in found["workers"]["rows"]
    assert "throughput" not in found


def test_a_panel_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    make_task(queue="billing")
    monkeypatch.setattr(Source, "newest_letters", property(lambda self: 1 / 0))
    found = read()
    assert found["failed"] == ["failures"]
    assert "failures" not in found
    assert found["queues"]["order"]


def test_without_any_panel_there_is_no_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_source: Source) -> dict[str, Any]:
        raise OperationalError("the server closed the connection")

    panels = [replace(panel, read=broken) for panel in PANELS]
    monkeypatch.setattr("controlplane.ops.overview.live.PANELS", panels)
    with pytest.raises(Unavailable, match="situation"):
        read()


def test_a_queue_without_a_worker_is_wrong_in_sentence_and_row() -> None:
    make_leader("dispatcher", seconds=60)
    make_node(heartbeat_at=now(), queues=["other"])
    mail = make_queue("mail")
    make_task(queue="mail", created_at=now() - timedelta(seconds=20))
    found = read()
    assert found["situation"]["rows"]["queue:mail"]["says"] == "has no worker, and 1 task waits."
    row = found["queues"]["rows"][str(mail.id)]
    assert (row["state"], row["note"]) == ("FAILED", "no worker serves it")


def test_tasks_that_are_due_and_not_ready_are_named() -> None:
    make_leader("dispatcher", seconds=60)
    make_task("RETRYING", run_at=now() - timedelta(minutes=3))
    assert "overdue-tasks" in read()["situation"]["order"]


def test_rows_carry_what_the_page_shows_of_names(root: Client) -> None:
    """So that a row says the same before and after the page is loaded again: the description of its
    queue, the badge of its type, the exact time; and a sentence its owner and runbook."""
    worker = {"worker": "vm", "host": "vm", "pid": 1, "queues": ["*"], "concurrency": 1}
    register_node(**worker, health_port=None, incarnation=uuid4())
    queue = make_queue("billing")
    described = {"title": "Invoices", "owner": "payments", "runbook": "https://wiki.example/late"}
    QueueDescriptor.objects.create(queue=queue, **described)
    make_task(queue="billing", created_at=now() - timedelta(minutes=6))
    letter = make_letter(name="a failure")
    DeadLetter.objects.filter(pk=letter.pk).update(type="forgotten")
    found = read()
    (failure,) = found["failures"]["rows"].values()
    assert (failure["type"]["name"], failure["type"]["badge"]) == ("forgotten", "never declared")
    assert failure["exact"] == format_time(letter.died_at)
    (row,) = (each for each in found["queues"]["rows"].values() if each["id"] == queue.id)
    assert "Invoices" in row["label"]["about"]
    finding = found["situation"]["rows"]["queue:billing"]
    assert finding["owner"].strip("\u2068\u2069") == "payments"
    assert finding["runbook"] == "https://wiki.example/late"
    page = root.get("/admin/").content.decode()
    assert failure["type"]["sentence"] in page
    assert 'href="https://wiki.example/late" rel="noopener noreferrer"' in page


def test_changes_lead_to_the_same_snapshot():
    queue = make_queue("billing")
    before = read()
    make_task(queue=queue.name, created_at=now() - timedelta(minutes=6))
    make_letter(name="a failure")
    after = read()
    assert apply(before, find_change(before, after)) == after


def test_lines_stay_while_a_figure_moves():
    queue = make_queue("billing")
    make_task(queue=queue.name)
    before = read()
    make_task(queue=queue.name)
    after = read()
    changed = find_change(before, after)
    assert "figures/rows/waiting/value" in changed.set
    assert not [path for path in changed.set if "spark" in path]


def test_charts_are_a_topic_of_their_own_by_span():
    make_task()
    found = read_charts(default_workspace().id, "6h")
    assert found["throughput"]["chosen"] == "6h"
    assert len(found["waits"]["chart"]["times"]) == 73
    assert find_topic("overview-charts:24h").key == "24h"
    with pytest.raises(UnknownTopic, match="not a topic"):
        find_topic("overview-charts:99h")


def test_the_registered_topic_reads_as_the_broadcaster_does():
    make_task()
    assert read_snapshot(default_workspace().id, find_topic("overview"))["figures"]["order"]
