"""The tables of the page of performance as files: exactly what the page shows."""

from typing import Any

import pytest
from django.test import Client

from controlplane.core.clock import now, utc_z
from controlplane.core.formatting import EMPTY
from controlplane.ops.performance.schema import CHART_FIELDS
from controlplane.workspaces.models import AuditEvent
from tests.clients import key_client, other_workspace, staff_client
from tests.exportfiles import content_of, read_csv, read_ndjson, read_xlsx
from tests.factories import make_node, make_rollup, make_sample
from tests.integration.performance.test_page import MINUTE, PAGE

pytestmark = pytest.mark.django_db
API = "/system/performance"


@pytest.fixture
def root(db: None) -> Client:
    return staff_client("root", apps=[], is_superuser=True)


def follow(client: Client, menu: Any, **more: str) -> bytes:
    """What a browser asks for when a button of the menu is pressed."""
    return content_of(client.get(menu.action, {**dict(menu.hidden), "format": "csv", **more}))


@pytest.mark.parametrize("query", ["", "?span=6h", "?span=24h", "?span=30d", "?type=send"])
def test_the_file_of_a_chart_has_the_rows_of_its_table(root: Client, query: str) -> None:
    make_rollup(9, submitted=120, started=90, completed=75, failed=30, failed_tasks=25, retried=5,
            runs={"50": 100}, waits={"70": 90}, run_ms=100, wait_ms=90)  # fmt: skip
    make_rollup(11, type="another", submitted=600)
    page = root.get(PAGE + query).context
    assert {drawing.key for drawing, _ in page["drawings"]} == set(CHART_FIELDS)
    for drawing, menu in page["drawings"]:
        head, *rows = read_csv(follow(root, menu))
        assert tuple(head) == CHART_FIELDS[drawing.key]
        times = [f"{row[0][:10]} {row[0][11:16]} UTC" for row in rows]
        assert times == [row[0] for row in drawing.chart.rows]
        assert menu.words == f"{len(rows):,} steps of this span"
        known = [[cell != EMPTY for cell in row[1:]] for row in drawing.chart.rows]
        assert [[cell != "" for cell in row[1:]] for row in rows] == known
    if query in ("", "?type=send"):
        (_, throughput) = page["drawings"][1]
        rates = [float(row[1] or 0) for row in read_csv(follow(root, throughput))[1:]]
        assert sorted(rates)[-2:] == ([0, 2] if query else [2, 10])


def test_types_and_nodes(root: Client) -> None:
    make_rollup(9, completed=75, failed=25, failed_tasks=25)
    make_rollup(9, type="=1+1", completed=5)
    node = make_node()
    make_sample(node, ago=2 * MINUTE, processed=10)
    make_sample(node, ago=MINUTE, processed=17)
    menus = root.get(PAGE).context["menus"]
    types = read_ndjson(follow(root, menus["types"], format="ndjson"))
    assert [(row["type"], row["completed"], row["errorRate"]) for row in types] == [
        ("send", 75, 0.25),
        ("=1+1", 5, 0.0),
    ]
    assert read_csv(follow(root, menus["types"]))[2][0] == "'=1+1"
    head, row = read_xlsx(follow(root, menus["nodes"], format="xlsx"))
    nodes = dict(zip(head, row, strict=True))
    assert (nodes["ended"], nodes["errorRate"], nodes["waitP50Ms"]) == (7, 0, None)
    start = AuditEvent.objects.filter(action="export.start").latest("id")
    assert (start.target_id, "format" in start.detail["filter"]) == ("performance-nodes", False)


def test_what_cannot_be_exported_leads_back(root: Client) -> None:
    answer = root.get(f"{PAGE}export/", {"fields": "colour", "span": "6h", "table": "types"})
    assert answer["Location"] == f"{PAGE}?span=6h"
    assert b"Nothing was exported." in root.get(PAGE).content


def test_of_another_workspace(root: Client) -> None:
    other = other_workspace()
    make_rollup(9, workspace=other, completed=75)
    address = {"table": "types", "format": "csv"}
    mine = staff_client("viewer", "viewer", apps=[])
    assert mine.get(f"{PAGE}export/", {**address, "workspace": other.slug}).status_code == 403
    assert len(read_csv(content_of(root.get(f"{PAGE}export/", address)))) == 1
    named = root.get(f"{PAGE}export/", {**address, "workspace": other.slug})
    assert len(read_csv(content_of(named))) == 2


def test_by_the_api() -> None:
    make_rollup(9, completed=75)
    client = key_client("viewer")
    query = {"format": "ndjson", "span": "15m"}
    steps = read_ndjson(content_of(client.get(f"{API}/export", query)))
    assert {row["completedPerSecond"] for row in steps} == {None, 0.0, 1.25}
    assert len(read_ndjson(content_of(client.get(f"{API}/types/export", query)))) == 1
    at = now()
    span = {"from": utc_z(at - 30 * MINUTE), "to": utc_z(at - 20 * MINUTE), "format": "ndjson"}
    assert read_ndjson(content_of(client.get(f"{API}/nodes/export", span))) == []
    for wrong in ({"span": "2h"}, {"from": utc_z(at)}, {"to": utc_z(at)}, {"colour": "red"}):
        assert client.get(f"{API}/export", wrong).status_code == 422
