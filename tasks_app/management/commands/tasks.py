"""`manage.py tasks`: look at tasks, cancel and retry them."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from controlplane.core.commands import CommandError
from controlplane.core.console import Table, facts_table
from tasks_app import selectors, services
from tasks_app.filters import TaskFilter, filter_of_body, split_values
from tasks_app.management.terminal import (
    EXIT_NOT_FOUND,
    TerminalCommand,
    common_options,
    progress_bar,
    task_id,
    terminal_actor,
    workspace_of,
)
from tasks_app.serializers import ExplanationSerializer, TaskDetailSerializer, represent_task
from tasks_app.services.actions import ActionResult

_FILTERS = {
    "status": "status",
    "type": "type",
    "queue": "queue",
    "tag": "tag",
    "search": "search",
    "created_after": "createdAfter",
    "created_before": "createdBefore",
    "min_priority": "minPriority",
}
_MOST_SHOWN = 10_000


class Command(TerminalCommand):
    """One verb each: list, show, cancel, retry."""

    help = "List, show, cancel and retry tasks."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser(
            "list", parents=[common_options(), _filter_options()], help="the newest that match"
        )
        listing.add_argument("--limit", type=int, default=20, help="how many (default 20)")
        show = verbs.add_parser("show", parents=[common_options()], help="one, and why it waits")
        show.add_argument("id", type=task_id)
        for verb, what in (
            ("cancel", "end waiting tasks, ask running ones to stop"),
            ("retry", "a fresh round of attempts for failed and cancelled tasks"),
        ):
            act = verbs.add_parser(verb, parents=[common_options(), _filter_options()], help=what)
            act.add_argument("ids", nargs="*", type=task_id, metavar="id")
            act.add_argument("--all", action="store_true", help="every task of the workspace")
            act.add_argument("--dry-run", action="store_true", help="only count them")

    def run_command(self, options: dict[str, Any]) -> None:
        run = {"list": self._list, "show": self._show}.get(options["verb"], self._act)
        run(workspace_of(options), options)

    def _list(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        if not 1 <= options["limit"] <= _MOST_SHOWN:
            self.usage(f"--limit must be from 1 to {_MOST_SHOWN}.")
        with selectors.in_bounded_time():
            tasks = selectors.list_tasks(workspace_id, _wanted(options)).order_by("-id")
            found = selectors.describe_tasks(list(tasks[: options["limit"]]))
        shown = [represent_task(task) for task in found]
        if options["json"]:
            self.write_json(shown)
            return
        table = Table("id", "name", "type", "status", "queue", "prio", "attempt", "created")
        table.columns[0].no_wrap = True  # for copying
        table.columns[0].min_width = 36
        for task in shown:
            table.add_row(
                str(task["id"]),
                task["name"],
                task["type"],
                task["status"],
                task["queue"],
                str(task["priority"]),
                f"{task['attempt']}/{task['maxAttempts']}",
                task["createdAt"],
            )
        self.console().print(table if shown else "No task matches.")

    def _show(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        detail = selectors.get_task_detail(workspace_id, options["id"])
        explanation = ExplanationSerializer(
            selectors.explain_task(workspace_id, options["id"])
        ).data
        body = TaskDetailSerializer().to_representation(detail)
        if options["json"]:
            self.write_json({**body, "explanation": explanation})
            return
        table = facts_table()
        for name, value in body.items():
            if value not in (None, [], {}) and name not in ("attempts", "logs"):
                table.add_row(name, str(value))
        console = self.console()
        console.print(table)
        for attempt in body["attempts"]:
            why = (attempt["error"] or {}).get("message", "")
            console.print(
                f"attempt {attempt['attempt']}: {attempt['outcome']} on {attempt['workerNode']} "
                f"at {attempt['finishedAt']} {why}",
            )
        for line in body["logs"]:
            console.print(f"{line['at']} {line['level']}: {line['message']}")
        console.print(explanation["detail"])

    def _act(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        wanted = _wanted(options)
        if options["ids"] and not wanted.is_empty:
            self.usage("Give ids or filters, one of the two.")
        if options["ids"]:
            wanted = TaskFilter(ids=tuple(dict.fromkeys(options["ids"])))
            known = selectors.get_states(workspace_id, wanted.ids)
            missing = [str(each) for each in wanted.ids if each not in known]
            if missing:
                raise CommandError(
                    f"There is no task {', '.join(missing)}.", returncode=EXIT_NOT_FOUND
                )
        if wanted.is_empty and not options["all"]:
            self.usage("Say which: ids, filters such as --status FAILED, or --all.")
        done = self._in_calls(workspace_id, wanted, options)
        if options["json"]:
            self.write_json({"matched": done.matched, "changed": done.changed})
        else:
            what = "would be" if options["dry_run"] else f"{done.changed} of"
            self.stdout.write(f"{what} {done.matched} tasks: {options['verb']}")
        if options["ids"] and not options["dry_run"] and done.changed < len(wanted.ids):
            raise CommandError(
                f"{len(wanted.ids) - done.changed} could not be changed in their present state."
            )

    def _in_calls(
        self, workspace_id: UUID, wanted: TaskFilter, options: dict[str, Any]
    ) -> ActionResult:
        """As many bounded calls as it takes."""
        matched = changed = 0
        with progress_bar(self.console(for_errors=True)) as progress:
            bar = progress.add_task(options["verb"].title(), total=None, note="")
            while True:
                done = services.act_on_tasks(
                    workspace_id=workspace_id,
                    actor=terminal_actor(),
                    action=options["verb"],
                    wanted=wanted,
                    dry_run=options["dry_run"],
                )
                matched, changed = matched + done.matched, changed + done.changed
                progress.update(bar, completed=matched)
                # A call that changes nothing would find the same tasks again.
                if not done.has_more or not done.changed:
                    return ActionResult(matched, changed, done.is_dry_run, done.has_more)


def _filter_options() -> ArgumentParser:
    parser = ArgumentParser(add_help=False)
    for name in ("status", "type", "queue", "tag"):
        parser.add_argument(f"--{name}", action="append", help="several by comma")
    parser.add_argument("--search", help="a part of the name or type, or a whole id")
    parser.add_argument("--created-after", metavar="TIME", help="2030-01-31T08:00:00Z")
    parser.add_argument("--created-before", metavar="TIME")
    parser.add_argument("--min-priority", type=int)
    return parser


def _wanted(options: dict[str, Any]) -> TaskFilter:
    given = {api: options[name] for name, api in _FILTERS.items() if options[name] is not None}
    for name, value in given.items():
        if isinstance(value, list):
            given[name] = split_values(value)
    return filter_of_body(given, field="")
