"""`manage.py enqueue`: submit tasks from the command line."""

from argparse import ArgumentParser
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings

from controlplane.core.commands import CommandError
from controlplane.core.errors import Invalid
from controlplane.core.times import parse_time
from tasks_app import services
from tasks_app.management.terminal import (
    EXIT_REFUSED,
    TerminalCommand,
    add_common_options,
    duration_ms,
    json_object,
    progress_bar,
    task_id,
    wait_for_tasks,
    workspace_of,
)
from tasks_app.selectors import get_task, has_worker
from tasks_app.specs import TaskSpec

_IDS_SHOWN = 20


class Command(TerminalCommand):
    """Prints the ids, one a line; with --wait also what became of the tasks."""

    help = "Submit one task, or many of the same kind."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_common_options(parser)
        parser.add_argument("type", help="a task type: `manage.py tasks types` lists them")
        parser.add_argument(
            "--payload", default="{}", metavar="JSON", help="an object; @file reads one, - stdin"
        )
        parser.add_argument("--count", type=int, default=1, help="how many (default 1)")
        parser.add_argument("--name")
        parser.add_argument("--queue")
        parser.add_argument("--priority", type=int, default=0, help="-100 to 100; higher first")
        parser.add_argument(
            "--delay", type=duration_ms, help="delay before it may start: 500ms, 30s, 5m, 2h"
        )
        parser.add_argument("--run-at", help="not before: 2030-01-31T08:00:00Z")
        parser.add_argument("--max-attempts", type=int)
        parser.add_argument("--timeout", type=float, metavar="SECONDS", help="of one attempt")
        parser.add_argument("--tag", action="append", default=[], help="may be repeated")
        parser.add_argument("--depends-on", action="append", default=[], type=task_id, metavar="ID")
        parser.add_argument("--on-parent-failure", choices=["cancel", "run"], default="cancel")
        parser.add_argument("--idempotency-key", help="the same key within 24 h: the same task")
        parser.add_argument("--wait", action="store_true", help="until all have ended")
        parser.add_argument(
            "--wait-timeout", type=float, default=3_600, metavar="SECONDS", help="default 3600"
        )

    def run_command(self, options: dict[str, Any]) -> None:
        if options["count"] < 1 or (options["count"] > 1 and options["idempotency_key"]):
            self.usage("--count must be at least 1, and 1 with --idempotency-key.")
        workspace_id = workspace_of(options)
        spec = _spec(options)
        try:
            ids = self._submit(workspace_id, spec, options)
        except Invalid as error:
            if any(found["field"] == "type" for found in error.errors):
                self.warn("`manage.py tasks types` lists the task types.")
            raise
        if not options["json"]:
            for each in ids[:_IDS_SHOWN]:
                self.stdout.write(str(each))
            if len(ids) > _IDS_SHOWN:
                self.stdout.write(f"… {len(ids)} tasks in all; --json lists every id")
        states = self._wait(workspace_id, ids, spec, options) if options["wait"] else None
        if options["json"]:
            self.write_json(
                {"created": len(ids), "ids": ids, **({} if states is None else {"states": states})}
            )
        if states is not None and set(states) != {"COMPLETED"}:
            raise CommandError(_told(states), returncode=EXIT_REFUSED)

    def _submit(self, workspace_id: UUID, spec: TaskSpec, options: dict[str, Any]) -> list[UUID]:
        if options["count"] == 1:
            return [services.submit_task(workspace_id=workspace_id, spec=spec)]
        ids: list[UUID] = []
        with progress_bar(self.console(for_errors=True)) as progress:
            bar = progress.add_task("Submitting", total=options["count"], note="")
            while len(ids) < options["count"]:
                batch = min(settings.TASKPLANE["BULK_MAX"], options["count"] - len(ids))
                ids += services.submit_tasks(workspace_id=workspace_id, specs=[spec] * batch)
                progress.update(bar, completed=len(ids))
        return ids

    def _wait(
        self, workspace_id: UUID, ids: list[UUID], spec: TaskSpec, options: dict[str, Any]
    ) -> Counter[str]:
        queue = get_task(workspace_id, ids[0]).queue.name
        if not has_worker(queue):
            self.warn(
                f"No live worker takes work of queue {queue}: start one with "
                "`python manage.py worker` (or everything with ./scripts/up)."
            )
        with progress_bar(self.console(for_errors=True)) as progress:
            bar = progress.add_task("Waiting", total=len(ids), note="")
            states = wait_for_tasks(
                workspace_id,
                ids,
                seconds=options["wait_timeout"],
                tell=lambda done, states: progress.update(bar, completed=done, note=_told(states)),
            )
        if not options["json"]:
            self.stdout.write(_told(states))
            if len(ids) == 1:
                task = get_task(workspace_id, ids[0])
                shown = task.error if task.result is None else task.result
                self.write_json(shown)
        return states


def _told(states: Counter[str]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items()))


def _spec(options: dict[str, Any]) -> TaskSpec:
    spec = TaskSpec(
        type=options["type"],
        payload=json_object(options["payload"], option="--payload"),
        name=options["name"],
        queue=options["queue"],
        priority=options["priority"],
        delay_ms=options["delay"],
        max_attempts=options["max_attempts"],
        timeout_seconds=options["timeout"],
        depends_on=options["depends_on"],
        on_parent_failure=options["on_parent_failure"],
        tags=options["tag"],
        idempotency_key=options["idempotency_key"],
    )
    if options["run_at"] is None:
        return spec
    try:
        return replace(spec, run_at=parse_time(options["run_at"]))
    except ValueError as error:
        raise Invalid(errors=[{"field": "--run-at", "message": str(error)}]) from error
