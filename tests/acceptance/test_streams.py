"""Streamed responses to clients that read slowly, not at all, or leave."""

import time
import zipfile
from io import BytesIO

import httpx
import pytest

from controlplane.core.clock import now
from controlplane.workspaces.exporting.stream import RECHECK_SECONDS
from controlplane.workspaces.models import ApiKey
from tasks_app.models import Task
from tests.clients import key_client
from tests.engine import Component, wait_until
from tests.factories import make_large_tasks
from tests.rawhttp import RawClient
from tests.standing import App, StandingEngine

TASKS = 3_000


@pytest.fixture
def key(running: StandingEngine) -> str:
    return str(key_client("viewer").defaults["HTTP_AUTHORIZATION"])


@pytest.fixture
def tasks(running: StandingEngine) -> None:
    """60 MB, of which compression leaves 45."""
    make_large_tasks(TASKS)


def start_export(url: str, key: str, format_name: str = "ndjson") -> RawClient:
    client = RawClient(url, receive_buffer=4_096)
    client.send(f"GET /tasks/export?format={format_name}", f"Authorization: {key}")
    return client


def warm_up(url: str, key: str, format_name: str) -> None:
    """Load what the first export loads, and open the pool."""
    path = f"/tasks/export?format={format_name}&status=RUNNING"
    assert httpx.get(f"{url}{path}", headers={"Authorization": key}).status_code == 200


def resident(app: Component) -> int:
    return int(app.tree.memory_info().rss)


def is_idle(app: Component) -> bool:
    """Whether it uses less than a tenth of a core for a second."""
    return app.tree.cpu_percent(interval=1) < 10


@pytest.mark.parametrize(
    "format_name",
    [
        "ndjson",
        pytest.param("csv", marks=(pytest.mark.nightly, pytest.mark.ci)),
        pytest.param("xlsx", marks=(pytest.mark.nightly, pytest.mark.ci)),
    ],
)
def test_what_a_client_does_not_read_is_not_produced(
    app: App, key: str, tasks: None, format_name: str
) -> None:
    warm_up(app.url, key, format_name)
    before = resident(app.component)
    with start_export(app.url, key, format_name) as client:
        status, head = client.read_head()
        assert (status, "chunked" in head) == (200, True)
        wait_until(lambda: is_idle(app.component), "that the server waits", 60)
        assert resident(app.component) - before < 30_000_000
        # It goes on as soon as the client does.
        assert client.read(20_000_000)


@pytest.mark.nightly
@pytest.mark.ci
def test_clients_that_do_not_read_hold_no_database_connection(
    app: App, key: str, tasks: None
) -> None:
    stalled = []
    try:
        for _ in range(25):  # the pool has 20 connections
            stalled.append(start_export(app.url, key))
            assert stalled[-1].read_head()[0] == 200
        for path in ("/tasks?limit=1", "/health/ready"):
            assert httpx.get(f"{app.url}{path}", headers={"Authorization": key}).status_code == 200
    finally:
        for client in stalled:
            client.close()


def test_a_client_that_leaves_ends_its_export(app: App, key: str, tasks: None) -> None:
    for format_name in ("csv", "ndjson", "xlsx"):
        with start_export(app.url, key, format_name) as client:
            client.read(100_000)
    wait_until(lambda: is_idle(app.component), "that the server is idle", 60)
    assert httpx.get(f"{app.url}/tasks?limit=1", headers={"Authorization": key}).status_code == 200
    assert "Traceback" not in app.component.output()


@pytest.mark.nightly
@pytest.mark.ci
def test_an_export_that_fails_has_no_end(app: App, key: str, tasks: None) -> None:
    with start_export(app.url, key) as client:
        assert client.read_head()[0] == 200
        ApiKey.objects.update(revoked_at=now())
        time.sleep(RECHECK_SECONDS)  # rights are not looked at again before
        content, was_reset = client.read_to_end()
    assert was_reset
    assert not content.endswith(b"\r\n0\r\n\r\n")
    assert content.count(b"\n{") < TASKS


def test_the_first_bytes_of_a_workbook_come_before_its_last_rows(
    app: App, key: str, tasks: None
) -> None:
    with httpx.stream(
        "GET", f"{app.url}/tasks/export?format=xlsx", headers={"Authorization": key}, timeout=120
    ) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        # Every task is read in a statement of its own chunk: what is deleted now is not exported.
        last = Task.objects.order_by("id")[: TASKS // 2].values_list("id", flat=True)
        Task.objects.filter(id__in=list(last)).delete()
        book = zipfile.ZipFile(BytesIO(first + b"".join(pieces)))
    rows = book.read("xl/worksheets/sheet1.xml").count(b"<row ")
    assert 1_000 < rows < TASKS


def test_a_head_request_exports_nothing(app: App, key: str, tasks: None) -> None:
    headers = {"Authorization": key}
    answer = httpx.head(f"{app.url}/tasks/export?format=ndjson", headers=headers, timeout=60)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.content == b""


@pytest.mark.nightly
@pytest.mark.ci
def test_files_are_sent_piece_by_piece(app: App) -> None:
    path = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
    whole = httpx.get(f"{app.url}{path}", headers={"Accept-Encoding": "identity"})
    assert whole.status_code == 200
    before = resident(app.component)
    stalled = [RawClient(app.url, receive_buffer=4_096) for _ in range(60)]
    try:
        for client in stalled:
            client.send(f"GET {path}")
        for client in stalled:
            assert client.read_head()[0] == 200
        wait_until(lambda: is_idle(app.component), "that the server waits", 60)
        assert resident(app.component) - before < len(whole.content) * len(stalled) // 2
    finally:
        for client in stalled:
            client.close()
