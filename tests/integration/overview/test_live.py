"""The live topics: the same figures as the page, and changes that lead to the same snapshot."""

from datetime import timedelta

import pytest

from controlplane.core.clock import now
from controlplane.live.changes import apply, find_change
from controlplane.live.topics import UnknownTopic, find_topic, read_snapshot
from controlplane.ops.overview.live import read_charts, read_overview
from tests.clients import default_workspace
from tests.factories import make_leader, make_letter, make_node, make_queue, make_task

pytestmark = pytest.mark.django_db


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
