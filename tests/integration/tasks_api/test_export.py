"""GET /tasks/export."""

import csv
import io
import json
import tracemalloc
import zipfile

import pytest
from rest_framework.test import APIClient

from controlplane.core.exports import batches, workbooks
from controlplane.workspaces.models import Workspace
from tasks_app import exports
from tasks_app.filters import TaskFilter
from tasks_app.models import Task
from tasks_app.queries import list_tasks
from tests.factories import make_task, make_tasks

pytestmark = pytest.mark.django_db
FILLING = {"filling": "x" * 2_000}


def fetch(client: APIClient, query: str) -> bytes:
    answer = client.get(f"/tasks/export?{query}")
    assert answer.status_code == 200, answer.content
    assert "attachment" in answer["Content-Disposition"]
    return b"".join(answer.streaming_content)


def rows_of(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode())))


def test_csv(client: APIClient) -> None:
    error = {"class": "E", "message": "=1+1", "traceback": "", "category": "CODE"}
    make_task("FAILED", name="=cmd|' /C calc'!A0", payload={"a": "=1"}, error=error, priority=-5)
    make_task(name='with "quotes", commas\nand lines', tags=["@x", "y", "a,b"])
    second, first = rows_of(fetch(client, "format=csv"))
    assert first["name"] == "'=cmd|' /C calc'!A0"
    assert first["errorMessage"] == "'=1+1"
    assert first["payload"] == '{"a":"=1"}'
    assert first["priority"] == "-5"
    assert second["name"] == 'with "quotes", commas\nand lines'
    assert second["tags"] == """'@x,y,"a,b\""""


def test_csv_is_the_default_and_filters_hold(client: APIClient) -> None:
    make_task(name="a")
    make_task("FAILED", name="b")
    assert [row["name"] for row in rows_of(fetch(client, "status=FAILED"))] == ["b"]
    names = ",".join(column.name for column in exports.TASKS.columns)
    assert fetch(client, "status=RUNNING").decode().strip() == names


def test_ndjson_is_what_the_list_says(client: APIClient) -> None:
    for n in range(3):
        make_task("COMPLETED", name=str(n), result={"n": n})
    lines = fetch(client, "format=ndjson").splitlines()
    assert [json.loads(line) for line in lines] == client.get("/tasks").json()["data"]


def test_xlsx(client: APIClient) -> None:
    make_task(name="=1+1", payload={"long": "x" * 40_000}, priority=-7)
    book = zipfile.ZipFile(io.BytesIO(fetch(client, "format=xlsx")))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "=1+1" in sheet
    assert "<v>-7</v>" in sheet
    assert sheet.count("<row ") == 2


def test_an_empty_workbook_has_its_headings(client: APIClient) -> None:
    book = zipfile.ZipFile(io.BytesIO(fetch(client, "format=xlsx")))
    assert "errorCategory" in book.read("xl/worksheets/sheet1.xml").decode()


def test_a_full_sheet_is_followed_by_another(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "SHEET_ROWS", 3)  # one for the headings
    for n in range(5):
        make_task(name=str(n))
    book = zipfile.ZipFile(io.BytesIO(fetch(client, "format=xlsx")))
    sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [("format=pdf", "format"), ("stauts=FAILED", "stauts"), ("format=csv&limit=5", "limit")],
)
def test_what_is_wrong_is_named(client: APIClient, query: str, field: str) -> None:
    answer = client.get(f"/tasks/export?{query}")
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("format_name", ["csv", "ndjson", "xlsx"])
def test_only_the_own_workspace(client: APIClient, other: Workspace, format_name: str) -> None:
    make_task(name="theirs", workspace=other)
    make_task(name="mine")
    content = fetch(client, f"format={format_name}")
    if format_name == "xlsx":
        book = zipfile.ZipFile(io.BytesIO(content))
        content = b"".join(book.read(name) for name in book.namelist())
    assert b"mine" in content
    assert b"theirs" not in content


def test_every_task_once_across_chunks(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_ROWS", 3)
    for n in range(10):
        make_task(name=str(n))
    names = [row["name"] for row in rows_of(fetch(client, "format=csv"))]
    assert names == [str(n) for n in reversed(range(10))]


@pytest.mark.parametrize("format_name", ["csv", "ndjson", "xlsx"])
def test_the_memory_is_that_of_a_chunk(
    client: APIClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, format_name: str
) -> None:
    monkeypatch.setattr(batches, "_ROWS", 10)
    make_tasks(500, workspace=workspace, payload=FILLING)
    answer = client.get(f"/tasks/export?format={format_name}")
    tracemalloc.start()
    size = sum(len(piece) for piece in answer.streaming_content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 15_000  # a workbook is compressed
    # Psycopg's cache of the last 128 statements, up to 150 kB, is in it.
    assert peak < 750_000, f"{peak} bytes for more than 1 MB of rows"


def test_a_chunk_is_bounded_by_its_bytes(
    client: APIClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_BYTES", 7_000)
    make_tasks(10, workspace=workspace, payload=FILLING)
    chunks = list(
        batches.read_batches(list_tasks(workspace.id, TaskFilter()), sized=("payload", "result"))
    )
    assert [len(chunk) for chunk in chunks] == [3, 3, 3, 1]
    ids = [task.id for chunk in chunks for task in chunk]
    assert ids == list(Task.objects.order_by("-id").values_list("id", flat=True))


def test_a_task_larger_than_a_chunk_is_exported(
    client: APIClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_BYTES", 1_000)
    make_tasks(3, workspace=workspace, payload=FILLING)
    assert len(rows_of(fetch(client, "format=csv"))) == 3
