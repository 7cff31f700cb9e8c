"""Runs the example: see `./examples/text_pipeline/run --help`."""

import argparse
import json
import sys
import sysconfig
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from examples.text_pipeline.processors import WORD
from examples.text_pipeline.taskplane import Taskplane, TaskplaneError


@dataclass(frozen=True, slots=True)
class TextCounts:
    """What the workflow counts too."""

    lines: int
    words: int
    characters: int


def make_text(target: Path, size: int) -> None:
    """Write about `size` bytes: the source files of this Python's standard library, one after
    the other, again from the first when they are used up."""
    sources = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    written = 0
    with target.open("w", encoding="utf-8") as text:
        while written < size:
            for source in sources:
                written += text.write(source.read_text(encoding="utf-8", errors="replace"))
                if written >= size:
                    break


def count_directly(path: Path) -> TextCounts:
    """The counts, line by line."""
    lines = words = characters = 0
    with path.open(encoding="utf-8", newline="") as text:
        for line in text:
            lines += line.count("\n")
            words += len(WORD.findall(line.lower()))
            characters += len(line)
    return TextCounts(lines=lines, words=words, characters=characters)


_HERE = Path(__file__).resolve().parent
_KILL_AT = 0.4  # of the parts counted
_PATIENCE_SECONDS = 300
_POLL_SECONDS = 0.05
_ENDED = {"COMPLETED", "FAILED", "CANCELLED"}


def main() -> int:
    """Run it. Returns the exit code: 0 when the report equals the direct count, 1 otherwise."""
    options = _options()
    console = Console(stderr=True)
    folder = Path(tempfile.mkdtemp(prefix="taskplane-example-"))
    folder.chmod(0o755)  # the database may run as a user of its own
    taskplane = Taskplane(folder, processors="examples.text_pipeline.processors")
    try:
        return _run(options, folder, taskplane, console)
    except (TaskplaneError, httpx.HTTPError) as error:
        console.print(f"text_pipeline: {error}", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("text_pipeline: stopped.")
        return 130
    finally:
        taskplane.stop()
        if options.keep:
            console.print(f"Kept: {folder}", markup=False)
        else:
            taskplane.remove()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="examples/text_pipeline/run")
    parser.add_argument("--megabytes", type=int, default=48, choices=range(1, 1_001), metavar="N")
    parser.add_argument("--parts", type=int, default=200, choices=range(1, 1_001), metavar="N")
    parser.add_argument("--no-kill", action="store_true")
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args()


def _run(options: argparse.Namespace, folder: Path, taskplane: Taskplane, console: Console) -> int:
    text, report = folder / "text.txt", folder / "report.txt"
    console.print(f"Making a text of {options.megabytes} MB ...")
    make_text(text, options.megabytes * 1_000_000)
    console.print("Starting a Taskplane of its own ...")
    taskplane.start()
    with taskplane.client() as client:
        workflow = _post(client, "/workflows", json.loads((_HERE / "workflow.json").read_text()))
        given = {"path": str(text), "report": str(report), "parts": options.parts}
        began = time.monotonic()
        made = _post(client, f"/workflows/{workflow['id']}/execute", {"input": given})
        run = _watch(client, made["runId"], console, None if options.no_kill else taskplane)
        seconds = time.monotonic() - began
        _show(run, console)
        attempts = _count_attempts(client, run)
    return _compare(run, text, report, seconds, attempts)


def _watch(
    client: httpx.Client, run_id: str, console: Console, victim: Taskplane | None
) -> dict[str, Any]:
    """Poll until the run has ended; kill the worker of `victim` when part of the work is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    give_up = time.monotonic() + _PATIENCE_SECONDS
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("Parts counted", total=None)
        while True:
            run: dict[str, Any] = _get(client, f"/workflows/runs/{run_id}")
            counting = next(step for step in run["steps"] if step["key"] == "count")
            total, done = counting["tasksTotal"] or 0, counting["tasksEnded"] or 0
            progress.update(bar, total=total or None, completed=done)
            if victim is not None and total and done >= total * _KILL_AT:
                console.print(f"{done} of {total} parts counted: kill -9 of the worker.")
                console.print(f"Killed: {', '.join(map(str, victim.kill_worker()))}.")
                victim = None
            if run["status"] in _ENDED:
                return run
            if time.monotonic() > give_up:
                raise TaskplaneError(f"The run has not ended in {_PATIENCE_SECONDS} s: {run}")
            time.sleep(_POLL_SECONDS)


def _show(run: dict[str, Any], console: Console) -> None:
    table = Table("step", "status", "tasks", "why", title=f"Run {run['runId']}: {run['status']}")
    for step in run["steps"]:
        why = (step["reason"] or step["error"] or {}).get("message", "")
        table.add_row(step["key"], step["status"], str(step["tasksTotal"]), why)
    console.print(table)


def _count_attempts(client: httpx.Client, run: dict[str, Any]) -> dict[str, int]:
    """How the attempts of the counting tasks ended."""
    outcomes: dict[str, int] = {}
    counting = next(step for step in run["steps"] if step["key"] == "count")
    for task_id in counting["taskIds"]:
        for attempt in _get(client, f"/tasks/{task_id}")["attempts"]:
            outcomes[attempt["outcome"]] = outcomes.get(attempt["outcome"], 0) + 1
    return outcomes


def _compare(
    run: dict[str, Any], text: Path, report: Path, seconds: float, attempts: dict[str, int]
) -> int:
    console = Console(width=None if sys.stdout.isatty() else 100)
    direct = count_directly(text)
    merged = next(step for step in run["steps"] if step["key"] == "merge")["result"] or {}
    table = Table("", "workflow", "counted directly")
    for name in TextCounts.__annotations__:
        table.add_row(name, f"{merged.get(name, 0):,}", f"{getattr(direct, name):,}")
    console.print(table)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(attempts.items()))
    console.print(f"{run['status']} in {seconds:.1f} s; attempts of the parts: {counts}.")
    is_equal = run["status"] == "COMPLETED" and merged == asdict(direct)
    if is_equal:
        console.print(report.read_text().rstrip(), markup=False)
    console.print("The counts are equal." if is_equal else "The counts DIFFER.")
    return 0 if is_equal else 1


def _post(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return _checked(client.post(path, json=body))


def _get(client: httpx.Client, path: str) -> dict[str, Any]:
    return _checked(client.get(path))


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise TaskplaneError(f"{answer.request.url} answers {answer.status_code}: {answer.text}")
    found: dict[str, Any] = answer.json()
    return found


if __name__ == "__main__":
    sys.exit(main())
