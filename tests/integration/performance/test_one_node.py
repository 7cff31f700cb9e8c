"""The page of performance for one node: what it shows, and to whom."""

from datetime import timedelta

import pytest
from django.test import Client

from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.core.formatting import EMPTY
from controlplane.ops.performance import nodework
from controlplane.ops.performance.drawings import Drawing
from controlplane.ops.performance.queries import nodesteps
from tests.clients import default_workspace, staff_client
from tests.factories import make_attempt, make_node, make_rollup, make_sample, make_task
from tests.integration.performance.test_page import (
    MARKUP,
    MINUTE,
    PAGE,
    figure_of,
    make_busy_node,
    read,
)
from workers.models import Node

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(db: None) -> Client:
    return staff_client("root", apps=[], is_superuser=True)


def drawings_of(client: Client, node: Node) -> dict[str, Drawing]:
    """The charts of one node, by their keys."""
    answer = client.get(f"{PAGE}?node={node.id}")
    assert answer.status_code == 200
    return {drawing.key: drawing for drawing, _ in answer.context["drawings"]}


def test_its_charts(root: Client) -> None:
    node, other, task = make_node("fra-01"), make_node("fra-02"), make_task()
    for minutes, processed, failed, running in (
        (20, 100, 1, 1),
        (10, 340, 1, 3),
        (5, 460, 10, 2),
    ):
        ago = minutes * MINUTE
        make_sample(node, ago=ago, processed=processed, failed=failed, running=running)
        make_sample(other, ago=ago, processed=9 * processed, running=7)
    at = now() - 12 * MINUTE
    begun = at - timedelta(milliseconds=200)
    make_attempt(task, 1, node_id=node.id, wait_ms=40, started_at=begun, finished_at=at)
    make_attempt(task, 2, node_id=other.id, wait_ms=9_999)
    found = drawings_of(root, node)
    charts = {key: drawing.chart for key, drawing in found.items() if drawing.chart}
    assert {key: chart.sentence for key, chart in charts.items()} == {
        "states": "At most 3 tasks ran at the same time",
        "throughput": "360 tasks ended on this node",
        "errors": "2.5 % of 360 tasks failed",
        "waits": "Half of the waits before the start are at most 40 ms, 95 % at most 40 ms",
        "runs": "Half of the run times are at most 200 ms, 95 % at most 200 ms",
    }
    assert {cell for _, cell in charts["throughput"].rows} == {EMPTY, "0.4/s"}
    assert {cells[1] for _, *cells in charts["states"].rows} == {EMPTY, "2"}  # its slots
    assert {cell for _, cell, _ in charts["waits"].rows} == {EMPTY, "40 ms"}
    assert found["waits"].note == "logarithmic; newest attempts measured: 1"
    assert "Outcomes are not counted by node" in found["outcomes"].problem


def test_its_page(root: Client) -> None:
    node = make_busy_node()
    slug = default_workspace().slug
    address = f"?span=1h&amp;workspace={slug}&amp;node={node.id}"
    assert f'href="{address}">fra-01</a>' in read(root)
    page = read(root, f"{PAGE}?node={node.id}&type=send")
    assert (figure_of(page, "Ended"), figure_of(page, "Submitted")) == ("60", EMPTY)
    assert f'href="/admin/workers/node/{node.id}/change/">fra-01</a>' in page
    assert 'aria-label="All nodes"' in page
    assert 'aria-label="All types"' not in page
    assert "Outcomes are not counted by node" in page
    assert "What ends on a node is not counted by type." in page
    assert page.count('<details class="chart-table">') == 5
    assert f"?span=6h&amp;workspace={slug}&amp;node={node.id}" in page
    assert "There are no waits before the start" in page


def test_a_node_without_samples(root: Client) -> None:
    found = drawings_of(root, make_node("fra-01"))
    assert found["throughput"].chart is not None
    assert found["throughput"].chart.sentence == "0 tasks ended on this node"
    assert {cell for _, cell in found["throughput"].chart.rows} == {EMPTY}


def test_one_that_does_not_exist(root: Client) -> None:
    make_rollup(9, completed=5)
    assert "There is no node 999999." in read(root, f"{PAGE}?node=999999")
    assert MARKUP not in read(root, f"{PAGE}?node={MARKUP}")


def test_only_its_newest_attempts_are_measured(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, task = make_busy_node(), make_task()
    for number in (1, 2, 3):
        at = now() - (40 - number) * MINUTE
        make_attempt(task, number, node_id=node.id, at=at, wait_ms=10 * number)
    monkeypatch.setattr(nodework, "MAX_ATTEMPTS", 2)
    waits = drawings_of(root, node)["waits"]
    assert waits.note == "logarithmic; newest attempts measured: 2"
    assert waits.chart is not None
    assert {cell for _, cell, _ in waits.chart.rows} == {EMPTY, "20 ms", "30 ms"}


def test_slow_waits_leave_the_rest(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise Invalid("too long")

    node = make_busy_node()
    monkeypatch.setattr(nodesteps, "read_newest", refuse)
    found = drawings_of(root, node)
    assert [key for key, drawing in found.items() if drawing.chart is None] == [
        "outcomes", "waits", "runs",
    ]  # fmt: skip
    assert "takes too long" in found["runs"].problem


def test_it_needs_what_the_pages_of_nodes_need() -> None:
    node = make_busy_node()
    viewer = staff_client("v", "viewer", apps=["tasks_app"])
    assert viewer.get(f"{PAGE}?node={node.id}").status_code == 403
    assert viewer.get(f"{PAGE}?node=999999").status_code == 403
    other = staff_client("w", "viewer", apps=["workers"])
    assert other.get(f"{PAGE}?node={node.id}").status_code == 200
