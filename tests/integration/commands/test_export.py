"""`manage.py export`: to a file, to a pipe, and to one that is closed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane.workspaces.exporting import list_all
from controlplane.workspaces.exporting.slots import slots
from controlplane.workspaces.exporting.stream import Export
from controlplane.workspaces.models import AuditEvent
from tests.exportfiles import read_csv, read_ndjson
from tests.factories import make_items, make_operation, make_task, make_tasks
from tests.integration.commands.running import run

pytestmark = pytest.mark.django_db


def test_to_a_file(tmp_path: Path) -> None:
    make_task("FAILED", name="=1+1")
    make_task(name="waits")
    file = tmp_path / "failed.csv"
    ran = run("export", "tasks", "--status", "FAILED", "--fields", "name", "--output", str(file))
    assert (ran.code, ran.out) == (0, f"Wrote 1 task to {file} ({file.stat().st_size} B).\n")
    assert read_csv(file.read_bytes()) == [["name"], ["'=1+1"]]
    assert list(tmp_path.iterdir()) == [file]
    start = AuditEvent.objects.get(action="export.start")
    assert start.actor_label.endswith("at the command line")
    assert start.detail["filter"] == {"status": ["FAILED"]}


def test_what_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_task()
    before = tmp_path / "tasks.csv"
    before.write_text("yesterday's rows")

    def fail(self: Export) -> bytes:
        raise OSError("No space is left.")

    monkeypatch.setattr(Export, "__next__", fail)
    ran = run("export", "tasks", "--output", str(before))
    assert ran.code == 1
    assert "No space is left." in ran.err
    assert before.read_text() == "yesterday's rows"
    assert list(tmp_path.iterdir()) == [before]
    assert slots.count() == 0


def test_what_belongs_to_one_object(tmp_path: Path) -> None:
    operation = make_operation()
    make_items(operation, {"a": "FAILED", "b": "CHANGED"})
    file = tmp_path / "items"
    into = ("--format", "ndjson", "--output", str(file))
    assert (
        run("export", "operation-items", str(operation.id), "--outcome", "FAILED", *into).code == 0
    )
    assert [row["targetId"] for row in read_ndjson(file.read_bytes())] == ["a"]
    assert run("export", "operation-items", "00000000-0000-7000-8000-000000000009", *into).code == 3


def test_wrong_options() -> None:
    assert run("export", "tasks", "--fields", "nonsense").code == 1
    assert run("export", "tasks", "--min-priority", "x").code == 2


def test_every_list_has_a_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("export", "--help")
    shown = capsys.readouterr().out
    assert all(exported.name in shown for exported in list_all())


@pytest.mark.django_db(transaction=True)
def test_to_a_pipe_that_is_closed(component_env: dict[str, str]) -> None:
    make_tasks(3_000)
    command = [sys.executable, "manage.py", "export", "tasks", "--format", "ndjson"]
    with subprocess.Popen(
        command, env=component_env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert os.read(child.stdout.fileno(), 1_000).startswith(b'{"id"')
        child.stdout.close()
        assert (child.wait(60), child.stderr.read()) == (0, b"")
    assert AuditEvent.objects.get(action="export.end").detail["outcome"] == "abandoned"
