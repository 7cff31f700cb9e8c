"""`manage.py demo`: real work on real input, with its result checked."""

import time
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options, Reply
from controlplane.core.console.options import add_wait_timeout
from controlplane.core.console.output import EXIT_TIMEOUT, CommandError
from controlplane.core.console.secondlook import Effect
from controlplane.core.console.tables import Console, table_of
from controlplane.core.schema import represent_value
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from tasks_app import services
from tasks_app.management.waiting import wait_for_tasks
from tasks_app.processors import RetryPolicy
from tasks_app.processors.builtin.file_stats import file_roots
from tasks_app.queries import get_task, has_worker
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


class Command(WorkspaceCommand):
    """Exit code 0 when the totals are equal and the bad file's task failed as it should."""

    help = "Count the files of Python's standard library with thousands of tasks."
    notes = (
        "One task counts one text file; a task that depends on all of them adds the counts up, and "
        "the sums are compared with a direct count. Some tasks are delayed, some prioritised. One "
        "file is not text: its task fails, is retried, and fails for good. This needs a worker "
        "and a dispatcher: "
        "run ./scripts/up in another terminal."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_run(parser, self._run, Effect.MAKES, has_reason=True)
        add_wait_timeout(parser, "--timeout", default="10m")

    def _run(self, workspace_id: UUID, options: Options) -> Any:
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
        ids = services.submit_tasks(
            workspace_id=workspace_id,
            specs=_specs(texts, bad),
            submitter=terminal_actor().as_submitter,
        )
        self.say(f"{len(texts)} files under {root}; merged by task {ids[-1]}.")
        wait_for_tasks(self, workspace_id, ids, seconds=options["wait_timeout"], label="Counting")
        seconds = time.monotonic() - began
        return self._compare(workspace_id, ids, texts, bad, seconds)

    def _compare(
        self,
        workspace_id: UUID,
        ids: list[UUID],
        texts: list[Path],
        bad: Path | None,
        seconds: float,
    ) -> Any:
        """Both totals, and the outcome of the bad file. Raises CommandError if they differ."""
        merged: Totals = (
            represent_value("result", get_task(workspace_id, ids[-1]).result, None) or {}
        )
        direct = count_directly(texts)
        bad_task = None if bad is None else get_task(workspace_id, ids[0])
        error = None if bad_task is None else represent_value("error", bad_task.error, None)
        report = {
            "merged": merged,
            "direct": direct,
            "equal": merged == direct,
            "notText": error,
            "seconds": round(seconds, 2),
        }
        if not self.is_json:
            _print_totals(self.console(), report)
            self.stdout.write(f"{len(ids)} tasks in {seconds:.1f} s.")
            if bad_task is not None:
                reason = (error or {}).get("message", "")
                self.stdout.write(
                    f"Not text: {bad_task.state} after {bad_task.attempt} attempts: {reason}"
                )
            self.stdout.write("The totals are equal." if merged == direct else "The totals DIFFER.")
        has_failed = bad_task is None or (
            (bad_task.state, bad_task.attempt) == (TaskState.FAILED, _BAD_ATTEMPTS)
        )
        if not (merged == direct and has_failed):
            raise CommandError(
                f"Check the merge task, `manage.py tasks show {ids[-1]}`, and at the task of the "
                f"bad file, `manage.py tasks show {ids[0]}`.",
                body=Reply(report, ()),
            )
        return Reply(report, ())


def _print_totals(console: Console, report: dict[str, Any]) -> None:
    rows = [
        (name, f"{report['merged'].get(name, 0):,}", f"{value:,}")
        for name, value in report["direct"].items()
    ]
    columns = {
        "": lambda row: row[0],
        "merge task": lambda row: row[1],
        "counted directly": lambda row: row[2],
    }
    console.print(table_of(columns, rows))


def files_under(root: Path) -> Iterable[Path]:
    """The regular files of a standard library, without installed packages, in a fixed order."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and not _LEFT_OUT & set(path.parts):
            yield path


def sort_files(paths: Iterable[Path]) -> tuple[list[Path], Path | None]:
    """The text files in UTF-8, and one file that is not text."""
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
    """The same sums, computed in this process without the engine's code."""
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
                name=f"count {bad.name}, which is not text"[:200],
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
