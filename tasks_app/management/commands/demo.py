"""`manage.py demo`: real work on real input, with its result checked."""

import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from controlplane.core.commands import CommandError
from controlplane.core.console import Table
from tasks_app import services
from tasks_app.management.terminal import (
    EXIT_REFUSED,
    EXIT_TIMEOUT,
    TerminalCommand,
    add_common_options,
    progress_bar,
    wait_for_tasks,
    workspace_of,
)
from tasks_app.processors import RetryPolicy
from tasks_app.processors.builtin.file_stats import file_roots
from tasks_app.selectors import get_task, has_worker
from tasks_app.specs import TaskSpec
from tasks_app.states import TaskState

QUEUE = "default"
TAG = "demo"
_MAX_FILES = 9_000  # one call takes 10,000 tasks
_DELAYED_EACH, _DELAY_MS = 50, 2_000
_PRIORITISED_EACH, _PRIORITY = 10, 50
_QUICK = RetryPolicy(strategy="fixed", base_ms=200, max_ms=200)
_BAD_ATTEMPTS = 3
_LEFT_OUT = {"site-packages", "dist-packages", "__pycache__"}

Totals = dict[str, int]


class Command(TerminalCommand):
    """Exit code 0 when the totals are equal and the bad file's task died as it should."""

    help = (
        "Count every text file of this Python's standard library with one task each, add the "
        "counts up in a task that depends on all of them, and compare the sums with a direct "
        "count. Some tasks are delayed, some prioritised; one file is no text: its task fails, "
        "retries and dies. Needs a worker and a dispatcher: run ./scripts/up in another terminal."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_common_options(parser)
        parser.add_argument(
            "--timeout", type=float, default=600, metavar="SECONDS", help="default 600"
        )

    def run_command(self, options: dict[str, Any]) -> None:
        workspace_id = workspace_of(options)
        if not has_worker(QUEUE):
            raise CommandError(
                "No worker is alive: run ./scripts/up (or `python manage.py worker` and "
                "`python manage.py dispatch`) in another terminal, then try again.",
                returncode=EXIT_TIMEOUT,
            )
        root = file_roots()[0]
        texts, bad = sort_files(files_under(root))
        if not texts:
            raise CommandError(
                f"There is no text file under {root}, the first of FILE_ROOTS: unset FILE_ROOTS."
            )
        began = time.monotonic()
        ids = services.submit_tasks(workspace_id=workspace_id, specs=_specs(texts, bad))
        self._say(options, f"{len(texts)} files under {root}; merged by task {ids[-1]}.")
        self._watch(workspace_id, ids, options)
        seconds = time.monotonic() - began
        self._compare(workspace_id, ids, texts, bad, seconds, options)

    def _watch(self, workspace_id: UUID, ids: list[UUID], options: dict[str, Any]) -> None:
        with progress_bar(self.console(for_errors=True)) as progress:
            bar = progress.add_task("Counting", total=len(ids), note="")

            def tell(done: int, states: Counter[str]) -> None:
                note = ", ".join(
                    f"{count} {state.lower()}"
                    for state, count in sorted(states.items())
                    if state != TaskState.COMPLETED
                )
                progress.update(bar, completed=done, note=note)

            wait_for_tasks(workspace_id, ids, seconds=options["timeout"], tell=tell)

    def _compare(
        self,
        workspace_id: UUID,
        ids: list[UUID],
        texts: list[Path],
        bad: Path | None,
        seconds: float,
        options: dict[str, Any],
    ) -> None:
        """Print both totals and the fate of the bad file. Raises CommandError when they differ."""
        merged: Totals = get_task(workspace_id, ids[-1]).result or {}
        direct = count_directly(texts)
        died = None if bad is None else get_task(workspace_id, ids[0])
        is_equal = merged == direct
        has_died = died is None or (died.state, died.attempt) == (TaskState.FAILED, _BAD_ATTEMPTS)
        if options["json"]:
            self.write_json(
                {
                    "merged": merged,
                    "direct": direct,
                    "equal": is_equal,
                    "notText": None if died is None else died.error,
                    "seconds": round(seconds, 2),
                }
            )
        else:
            self._print(merged, direct, seconds, len(ids))
            if died is not None:
                said = (died.error or {}).get("message", "")
                self.stdout.write(f"No text: {died.state} after {died.attempt} attempts: {said}")
            self.stdout.write("The totals are equal." if is_equal else "The totals DIFFER.")
        if not (is_equal and has_died):
            raise CommandError(
                f"The merge task is {ids[-1]}, the task of the bad file {ids[0]}; "
                "`manage.py tasks show <id>` tells more.",
                returncode=EXIT_REFUSED,
            )

    def _print(self, merged: Totals, direct: Totals, seconds: float, tasks: int) -> None:
        table = Table("", "merge task", "counted directly")
        for name, value in direct.items():
            table.add_row(name, f"{merged.get(name, 0):,}", f"{value:,}")
        self.console().print(table)
        self.stdout.write(f"{tasks} tasks in {seconds:.1f} s.")

    def _say(self, options: dict[str, Any], text: str) -> None:
        if not options["json"]:
            self.stdout.write(text)


def files_under(root: Path) -> Iterable[Path]:
    """The regular files of a standard library, without installed packages, in a fixed order."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and not _LEFT_OUT & set(path.parts):
            yield path


def sort_files(paths: Iterable[Path]) -> tuple[list[Path], Path | None]:
    """The text files in UTF-8, and one file that is none."""
    texts: list[Path] = []
    bad = None
    for path in paths:
        try:
            path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            bad = bad or path
        except OSError:
            continue  # not ours to read: then not the worker's either
        else:
            texts.append(path)
        if len(texts) == _MAX_FILES:
            break
    return texts, bad


def count_directly(paths: Iterable[Path]) -> Totals:
    """The same sums, in this process and with none of the engine's code."""
    totals = dict.fromkeys(("files", "lines", "words", "characters", "bytes"), 0)
    for path in paths:
        content = path.read_bytes()
        text = content.decode("utf-8")
        totals["files"] += 1
        totals["lines"] += text.count("\n")
        totals["words"] += len(text.split())
        totals["characters"] += len(text)
        totals["bytes"] += len(content)
    return totals


def _specs(texts: list[Path], bad: Path | None) -> list[TaskSpec]:
    """The bad file's task first, if there is one; the merge last."""
    specs = []
    if bad is not None:
        specs.append(
            TaskSpec(
                type="file-stats",
                name=f"count {bad.name}, which is no text"[:200],
                payload={"path": str(bad)},
                queue=QUEUE,
                max_attempts=_BAD_ATTEMPTS,
                retry=_QUICK,
                tags=[TAG],
            )
        )
    specs += [
        TaskSpec(
            type="file-stats",
            name=f"count {path.name}"[:200],
            payload={"path": str(path)},
            queue=QUEUE,
            priority=_PRIORITY if number % _PRIORITISED_EACH == 0 else 0,
            delay_ms=_DELAY_MS if number % _DELAYED_EACH == 1 else None,
            tags=[TAG],
            ref=str(number),
        )
        for number, path in enumerate(texts)
    ]
    specs.append(
        TaskSpec(
            type="file-stats-merge",
            name="add up all counts",
            queue=QUEUE,
            depends_on=[str(number) for number in range(len(texts))],
            tags=[TAG],
        )
    )
    return specs
