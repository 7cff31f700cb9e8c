"""Every command that prints rows, on a terminal of 80 columns, over rows that hold the corpus."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pyte
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from wcwidth import wcswidth

from controlplane.core.clock import utc_z
from controlplane.core.console.cells import Line
from controlplane.core.console.paint import Paint
from controlplane.core.errors import Conflict
from controlplane.ops.terminal.actions import ask_drain, ask_pause, ask_reprocess
from controlplane.ops.terminal.details import DESCRIBE
from controlplane.ops.terminal.layout import draw_screen
from controlplane.ops.terminal.snapshot import SnapshotReader
from controlplane.ops.terminal.state import State
from controlplane.ops.terminal.table import draw_row, place
from controlplane.workspaces.exporting import ExportedList, find_list, list_all
from tasks_app.models import TypeDeclaration
from tests.clients import default_workspace
from tests.corpus import KEYS, NUMBERS, TEXTS
from tests.corpusworld import CorpusWorld, chosen_names
from tests.exportfiles import FORMULAS, is_same_cell, read_csv, read_ndjson, read_xlsx
from tests.hostiletext import find_dangers
from tests.integration.commands.running import run

pytestmark = pytest.mark.django_db

COLUMNS = 80
ASK = (ask_pause, ask_drain, ask_reprocess)
_EDGES = re.compile("[│┃]")
# Commands that print rows; what they name stands in braces. `test_hostile_text` has all commands.
LISTS = [
    "tasks list --limit 200",
    "tasks types",
    "types --internal",
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
    "views list --limit 200",
    "apikeys list",
    "operations list",
    "top",
    "audit list --by people",
    "members list",
]
ROWS = [
    ("tasks show {}", "tasks_app.Task"),
    ("nodes show {}", "workers.Node"),
    ("types -- {}", "tasks_app.TypeDeclaration"),
    ("dlq show {}", "dlq.DeadLetter"),
    ("operations show {}", "operations.Operation"),
    ("operations items {}", "operations.Operation"),
    ("dlq replay {}", "dlq.Replay"),
    ("dlq replay {} --watch", "dlq.Replay"),
    ("cron show {}", "schedules.Schedule"),
    ("cron executions {}", "schedules.Schedule"),
    ("scaling event {}", "scaling.ScalingEvent"),
    ("workflows show {}", "workflows.Workflow"),
    ("workflows status {}", "workflows.WorkflowRun"),
    ("stress show {}", "stress.StressTest"),
    ("views show {}", "savedviews.SavedView"),
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


def fill(command: str, row: Any) -> list[str]:
    """The command with the row's id; types have a name alone, which may begin like an option."""
    name = row.type if isinstance(row, TypeDeclaration) else row.pk
    return [part.format(name) for part in command.split()]


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
        text = show(*fill(command, row))
        assert (name, faults_of(text)) == (name, [])


def list_screens(state: State) -> Iterator[tuple[str, list[Line]]]:
    """Every row of every list of `top` at two sizes, and each row's question and details."""
    assert state.snapshot is not None
    workspace_id = default_workspace().id
    for size in ((80, 24), (200, 60)):
        for pane in state.panes:
            state.active, state.mode = pane.number, "list"
            for row in pane.rows(state.snapshot)[::10]:  # fewer than stand on a screen
                pane.chosen = row.key
                yield f"{size} list {row.key}", draw_screen(state, *size, 2.0)
    for pane in state.panes:
        state.active = pane.number
        for row in pane.rows(state.snapshot):
            state.mode, state.detail = "detail", DESCRIBE[pane.number](workspace_id, row)
            state.detail_title = f"{pane.kind.noun} {state.detail[0][1]}"
            yield f"details {row.key}", draw_screen(state, 80, 24, 2.0)
            try:
                state.question = ASK[pane.number](workspace_id, row)
            except Conflict as error:
                state.say(str(error), is_refusal=True)
                continue
            state.mode, state.typed = "question", state.detail[0][1]
            yield f"question {row.key}", draw_screen(state, 80, 24, 2.0)


def test_top_keeps_to_its_columns(world: CorpusWorld) -> None:
    """As a terminal shows it: each cell stands at its column, whatever is written before it."""
    state = State(snapshot=SnapshotReader(default_workspace().id).read())
    assert len(state.panes[0].rows(state.snapshot)) > len(chosen_names())
    assert len(state.panes[2].rows(state.snapshot)) >= len(chosen_names())
    for width in (COLUMNS, 200):
        screen = pyte.Screen(width, 1)
        stream = pyte.Stream(screen)
        for pane in state.panes:
            placed = place(pane.kind.columns, width - 2)
            for row in pane.rows(state.snapshot):
                line = draw_row(pane.kind, placed, row, width, chosen=False)
                stream.feed(f"\x1b[H{Paint(0).line(line)}")
                for cell in line.cells:
                    # The emulator composes letters and marks.
                    shown = normalize("NFD", screen.buffer[0][cell.at].data)
                    assert shown[:1] == normalize("NFD", cell.text)[:1], (cell, line.plain)


def test_top_shows_whatever_it_holds(world: CorpusWorld) -> None:
    state = State(snapshot=SnapshotReader(default_workspace().id).read())
    for name, lines in list_screens(state):
        assert len(lines) in (24, 60), name
        for line in lines:
            assert wcswidth(line.plain) <= line.width, (name, line.plain)
            assert find_dangers(line.plain) == [], (name, line.plain)


def test_top_as_json_is_json(world: CorpusWorld) -> None:
    shown = as_json("top")
    texts = {TEXTS[name][:100] for name in chosen_names()}
    assert texts <= {each["name"] for each in shown["queues"]}


def as_json(*arguments: str) -> Any:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    ran = run(*arguments[:end], "--json", *arguments[end:])
    assert ran.code == 0 or "--watch" in arguments, ran.err
    assert find_dangers(ran.out + ran.err) == []
    return json.loads(ran.out)


@pytest.mark.parametrize("command", LISTS)
def test_a_list_as_json_is_json(world: CorpusWorld, command: str) -> None:
    assert as_json(*command.split()) is not None


@pytest.mark.parametrize(("command", "label"), ROWS)
def test_a_row_as_json_is_json(world: CorpusWorld, command: str, label: str) -> None:
    for row in world.rows[label].values():
        assert isinstance(as_json(*fill(command, row)), dict | list)


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
    if exported.name.startswith("performance"):  # up to now, one file would have more steps
        begin = world.made_at - timedelta(minutes=30)
        narrow = ["--from", utc_z(begin), "--to", utc_z(world.made_at)]
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
