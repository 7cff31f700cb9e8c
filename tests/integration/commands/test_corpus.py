"""Every command that prints rows, on a terminal of 80 columns, over rows that hold the corpus."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from wcwidth import wcswidth

from controlplane.workspaces.exporting import ExportedList, find_list, list_all
from tests.corpus import KEYS, NUMBERS, TEXTS
from tests.corpusworld import CorpusWorld, chosen_names
from tests.exportfiles import FORMULAS, is_same_cell, read_csv, read_ndjson, read_xlsx
from tests.hostiletext import find_dangers
from tests.integration.commands.running import run

pytestmark = pytest.mark.django_db

COLUMNS = 80
_EDGES = re.compile("[│┃]")
# Commands that print rows; what they name stands in braces. `test_hostile_text` has all commands.
LISTS = [
    "tasks list --limit 200",
    "tasks types",
    "queues list",
    "nodes list",
    "dlq list --limit 200",
    "dlq groups",
    "dlq stats",
    "dlq replays",
    "cron list",
    "scaling status",
    "scaling events --limit 200",
    "scaling config",
    "workflows list",
    "workflows runs",
    "stress list",
    "apikeys list",
]
ROWS = [
    ("tasks show {}", "tasks_app.Task"),
    ("nodes show {}", "workers.Node"),
    ("dlq show {}", "dlq.DeadLetter"),
    ("dlq replay {}", "dlq.Replay"),
    ("dlq replay {} --watch", "dlq.Replay"),
    ("cron show {}", "schedules.Schedule"),
    ("cron executions {}", "schedules.Schedule"),
    ("scaling event {}", "scaling.ScalingEvent"),
    ("workflows show {}", "workflows.Workflow"),
    ("workflows status {}", "workflows.WorkflowRun"),
    ("stress show {}", "stress.StressTest"),
]


class Terminal(StringIO):
    """One that is 80 columns wide and knows no escape sequences."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def world(committed_rows: None) -> CorpusWorld:
    return CorpusWorld()


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", str(COLUMNS))


def show(*arguments: str) -> str:
    """What a person sees. A replay that was stopped is watched to its end, which is an error."""
    out, err = Terminal(), Terminal()
    try:
        call_command(*arguments, stdout=out, stderr=err, no_color=True)
    except CommandError as error:
        assert "--watch" in arguments
        err.write(str(error))
    assert out.getvalue() != ""
    return out.getvalue() + err.getvalue()


def faults_of(text: str) -> list[str]:
    """Characters that do more than stand there, and lines that leave their columns."""
    found = find_dangers(text)
    table: list[int] = []
    for line in text.split("\n"):
        edges = [wcswidth(line[: each.start()]) for each in _EDGES.finditer(line)]
        if len(edges) < 2:
            table = []
            continue
        if wcswidth(line) > COLUMNS:
            found.append(f"{wcswidth(line)} columns: {line}")
        if table and edges != table and len(edges) == len(table):
            found.append(f"edges at {edges} instead of {table}: {line}")
        table = table or edges
    return found


@pytest.mark.parametrize("command", LISTS)
def test_a_list_keeps_to_its_columns(world: CorpusWorld, command: str) -> None:
    assert faults_of(show(*command.split())) == []


@pytest.mark.parametrize(("command", "label"), ROWS)
def test_a_row_is_shown_whatever_it_holds(world: CorpusWorld, command: str, label: str) -> None:
    for name, row in world.rows[label].items():
        text = show(*command.format(row.pk).split())
        assert (name, faults_of(text)) == (name, [])


def as_json(*arguments: str) -> Any:
    ran = run(*arguments, "--json")
    assert ran.code == 0 or "--watch" in arguments, ran.err
    assert find_dangers(ran.out + ran.err) == []
    return json.loads(ran.out)


@pytest.mark.parametrize("command", LISTS)
def test_a_list_as_json_is_json(world: CorpusWorld, command: str) -> None:
    assert as_json(*command.split()) is not None


@pytest.mark.parametrize(("command", "label"), ROWS)
def test_a_row_as_json_is_json(world: CorpusWorld, command: str, label: str) -> None:
    for row in world.rows[label].values():
        assert isinstance(as_json(*command.format(row.pk).split()), dict | list)


def test_names_come_back_as_they_are(world: CorpusWorld) -> None:
    texts = [TEXTS[name] for name in chosen_names()]
    assert {text[:100] for text in texts} <= {each["name"] for each in as_json("queues", "list")}
    assert {text[:200] for text in texts} <= {each["name"] for each in as_json("apikeys", "list")}


def test_values_come_back_as_they_are(world: CorpusWorld) -> None:
    task = as_json("tasks", "show", str(world.row("tasks_app.Task").pk))
    for value in (task["payload"], task["result"]):
        assert value["texts"] == TEXTS
        assert set(value["text keys"]) == set(TEXTS.values())
        assert set(value["keys"]) == set(KEYS)
        assert value["numbers"] == NUMBERS
        assert {name: type(each) for name, each in value["numbers"].items()} == {
            name: type(each) for name, each in NUMBERS.items()
        }


EXPORTS = pytest.mark.parametrize("exported", list_all(), ids=lambda each: each.name)
OWNERS = {"operation-items": "operations.Operation", "executions": "schedules.Schedule"}
_JOINERS = str.maketrans("", "", "\u200c\u200d\t")
# What is reckoned up to now.
_LIVE = {"waitMs", "processingMs", "oldestWaitingMs"}


def export(world: CorpusWorld, folder: Path, exported: ExportedList, format_name: str) -> bytes:
    label = OWNERS.get(exported.name)
    owner = [str(world.row(label, "script").pk)] if label else []
    file = folder / f"file.{format_name}"
    # The export itself adds to the audit log.
    narrow = ["--action", "queue.change"] if exported.name == "audit" else []
    into = ["--format", format_name, "--output", str(file)]
    ran = run("export", exported.name, *owner, *into, *narrow)
    assert ran.code == 0, ran.err
    assert find_dangers(ran.out + ran.err) == []
    return file.read_bytes()


@EXPORTS
def test_an_export_as_csv_is_text(
    world: CorpusWorld, tmp_path: Path, exported: ExportedList
) -> None:
    head, *rows = read_csv(export(world, tmp_path, exported, "csv"))
    assert head == [column.name for column in exported.columns]
    assert rows
    for row in rows:
        for column, cell in zip(exported.columns, row, strict=True):
            shown = cell.translate(_JOINERS).replace("\nFORGED", "")
            assert find_dangers(shown) == [], column.name
            if column.kind in ("text", "texts"):
                assert not cell.startswith(FORMULAS), cell[:50]


@EXPORTS
def test_an_export_as_a_workbook_has_the_cells_of_csv(
    world: CorpusWorld, tmp_path: Path, exported: ExportedList
) -> None:
    head, *rows = read_xlsx(export(world, tmp_path, exported, "xlsx"))
    _, *expected = read_csv(export(world, tmp_path, exported, "csv"))
    names = [column.name for column in exported.columns]
    assert [str(name).removesuffix(" (UTC)") for name in head] == names
    assert len(rows) == len(expected)
    for row, texts in zip(rows, expected, strict=True):
        for column, cell, text in zip(exported.columns, row, texts, strict=True):
            if column.name not in _LIVE:
                assert is_same_cell(column.kind, cell, text), (column.name, cell, text)


@EXPORTS
def test_an_export_as_ndjson_is_json(
    world: CorpusWorld, tmp_path: Path, exported: ExportedList
) -> None:
    content = export(world, tmp_path, exported, "ndjson")
    assert read_ndjson(content)
    assert find_dangers(content.decode()) == []


def test_exported_values_come_back_as_they_are(world: CorpusWorld, tmp_path: Path) -> None:
    rows = read_ndjson(export(world, tmp_path, find_list("tasks"), "ndjson"))
    (exact,) = [row for row in rows if row["name"] == "exact"]
    assert set(exact["payload"]["keys"]) == set(KEYS)
    numbers = exact["payload"]["numbers"]
    assert numbers == NUMBERS
    assert {name: type(each) for name, each in numbers.items()} == {
        name: type(each) for name, each in NUMBERS.items()
    }
    queues = read_ndjson(export(world, tmp_path, find_list("queues"), "ndjson"))
    assert {TEXTS[name][:100] for name in chosen_names()} <= {row["name"] for row in queues}
