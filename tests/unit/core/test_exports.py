"""Columns that follow from a schema, and JSON in which nothing is invisible."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from controlplane.core.exports.columns import dump_visibly, list_columns
from controlplane.core.exports.files import write_csv, write_workbook
from controlplane.core.schema import Resource, shown
from tests.exportfiles import read_csv, read_xlsx
from tests.hostiletext import HOSTILE, find_dangers


class Part(Resource):
    """An object in a row."""

    class_: str = shown("A word.", alias="class")
    secret: str = shown(in_export=False)


class Row(Resource):
    """A row with a field of each kind."""

    id: UUID
    number: int | None
    is_on: bool
    at: datetime | None
    tags: list[str]
    body: dict[str, Any]
    parts: list[Part]
    part: Part | None
    hidden: str = shown(in_export=False)


AT = datetime.fromisoformat("2026-11-28T21:24:34.278Z")
ROW = {
    "id": "018f6f2e-0000-7000-8000-000000000000", "number": 9_007_199_254_740_993, "isOn": True,
    "at": "2026-11-28T21:24:34.278Z", "tags": ["=x", "a,b"],
    "body": {"n": 1e20, "t": "\x1b_x0041_"},
    "parts": [{"class": "E"}], "part": {"class": "@E\u202e", "secret": "s"},
}  # fmt: skip


def test_columns_follow_from_the_schema() -> None:
    found = [(column.name, column.kind) for column in list_columns(Row)]
    assert found == [
        ("id", "text"), ("number", "number"), ("isOn", "flag"), ("at", "time"), ("tags", "texts"),
        ("body", "json"), ("parts", "json"), ("partClass", "text"),
    ]  # fmt: skip


def test_cells_of_csv() -> None:
    head, row = read_csv(b"".join(write_csv([[ROW]], list_columns(Row))))
    assert dict(zip(head, row, strict=True)) == {
        "id": ROW["id"], "number": "9007199254740993", "isOn": "true", "at": ROW["at"],
        "tags": "'=x,\"a,b\"", "body": r'{"n":1e+20,"t":"\u001b_x0041_"}',
        "parts": '[{"class":"E"}]', "partClass": r"'@E\u202e",
    }  # fmt: skip


def test_cells_of_a_workbook() -> None:
    head, row = read_xlsx(b"".join(write_workbook([[ROW]], list_columns(Row))))
    assert head[3] == "at (UTC)"
    assert row[1:5] == [
        "9007199254740993", True, AT.replace(tzinfo=None), '=x,"a,b"'
    ]  # fmt: skip
    assert json.loads(row[5]) == ROW["body"]
    assert row[7] == r"@E\u202e"


@pytest.mark.parametrize("text", [HOSTILE, "\x7f\x80\x9b", "\U000e0067", "\u200d👩", "plain", "é"])
def test_json_is_visible_and_exact(text: str) -> None:
    data = dump_visibly({text: [text, 2**63 - 1, 1e20, 1.0, None]}).decode()
    assert find_dangers(data) == []
    found = json.loads(data)
    assert found == {text: [text, 2**63 - 1, 1e20, 1.0, None]}
    assert [type(each) for each in found[text][1:4]] == [int, float, float]
