"""`manage.py tasks`: look at tasks, cancel and retry them."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from controlplane.core.commands import CommandError
from controlplane.core.console import Table, facts_table
from controlplane.core.cursors import Sort
from controlplane.core.errors import Invalid
from controlplane.core.listrows import list_row
from controlplane.core.pagination import count_or_estimate, read_sorted
from tasks_app import selectors, services
from tasks_app.filters import TaskFilter, filter_of_body, split_values
from tasks_app.management.terminal import (
    DONE,
    EXIT_NOT_FOUND,
    TerminalCommand,
    common_options,
    count_of,
    progress_bar,
    summarize_action,
    task_id,
    terminal_actor,
    workspace_of,
)
from tasks_app.processors.registry import all_processors
from tasks_app.selectors import SORT_FIELDS
from tasks_app.serializers import (
    ExplanationSerializer,
    TaskDetailSerializer,
    TaskTypeSerializer,
    represent_task,
)
from tasks_app.services.actions import ActionResult
from tasks_app.services.rollups import recount_tasks

_FILTERS = {
    "status": "status",
    "type": "type",
    "queue": "queue",
    "tag": "tag",
    "search": "search",
    "created_after": "createdAfter",
    "created_before": "createdBefore",
    "min_priority": "minPriority",
    "worker": "worker",
    "error_class": "errorClass",
    "finished_after": "finishedAfter",
    "finished_before": "finishedBefore",
    "internal": "internal",
}
_MAX_SHOWN = 10_000


class Command(TerminalCommand):
    """One verb each: list, show, cancel, retry, types, recount."""

    help = "List, show, cancel and retry tasks; list the task types."
    examples = (
        "  manage.py tasks list --status FAILED --sort=-finishedAt   what failed last\n"
        "  manage.py tasks list --worker vm --finished-after 2030-01-31T08:00:00Z\n"
        "  manage.py tasks show ID                                    one task, and why it waits\n"
        "  manage.py tasks retry --error-class TimeoutError --dry-run  how many would be retried"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser(
            "list", parents=[common_options(), _filter_options()], help="tasks that match"
        )
        listing.add_argument("--limit", type=int, default=20, help="maximum rows (default 20)")
        listing.add_argument(
            "--sort",
            default="-createdAt",
            help=f"one of {', '.join(SORT_FIELDS)}; a leading - puts the greatest first, as in "
            "--sort=-durationMs (default: newest first)",
        )
        show = verbs.add_parser("show", parents=[common_options()], help="one, and why it waits")
        show.add_argument("id", type=task_id)
        for verb, what in (
            ("cancel", "end waiting tasks, ask running ones to stop"),
            (
                "retry",
                "a fresh round of attempts for ended tasks; COMPLETED ones only by id or --status",
            ),
        ):
            act = verbs.add_parser(verb, parents=[common_options(), _filter_options()], help=what)
            act.add_argument("ids", nargs="*", type=task_id, metavar="id")
            act.add_argument("--all", action="store_true", help="every task of the workspace")
            act.add_argument("--dry-run", action="store_true", help="only count them")

        recount = verbs.add_parser(
            "recount", help="compare the counts with all tasks of all workspaces, and correct them"
        )
        recount.add_argument("--json", action="store_true", help="print JSON")
        types = verbs.add_parser("types", help="task types, their queues and defaults")
        types.add_argument("--json", action="store_true", help="print JSON")

    def run_command(self, options: dict[str, Any]) -> None:
        if options["verb"] in ("types", "recount"):
            {"types": self._types, "recount": self._recount}[options["verb"]](options)
            return
        run = {"list": self._list, "show": self._show}.get(options["verb"], self._act)
        run(workspace_of(options), options)

    def _list(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        if not 1 <= options["limit"] <= _MAX_SHOWN:
            self.usage(f"--limit must be from 1 to {_MAX_SHOWN}.")
        sort = self._sort(options["sort"])
        with selectors.in_bounded_time():
            tasks = selectors.list_tasks(workspace_id, self._wanted(options))
            rows = read_sorted(tasks, sort, options["limit"] + 1)
            found = selectors.describe_tasks(rows[: options["limit"]])
            has_more = len(rows) > len(found)
            total, is_estimate = count_or_estimate(tasks) if has_more else (len(found), False)
        shown = [list_row(represent_task(task)) for task in found]
        if options["json"]:
            self.write_json(shown)
            return
        if not shown:
            self.stdout.write("No task matches.")
            return
        self.console().print(_table(shown))
        if has_more:
            about = "about " if is_estimate else ""
            self.stdout.write(f"… {about}{total - len(shown):,} more; --limit shows more of them.")

    def _sort(self, text: str) -> Sort:
        if text.removeprefix("-") not in SORT_FIELDS:
            self.usage(f"--sort must be one of {', '.join(SORT_FIELDS)}, with or without a -.")
        return Sort.of(text, SORT_FIELDS[text.removeprefix("-")])

    def _wanted(self, options: dict[str, Any]) -> TaskFilter:
        try:
            return _filter_of(options)
        except Invalid as error:
            self.usage("\n".join(f"{e['field']}: {e['message']}" for e in error.errors))

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

    def _recount(self, options: dict[str, Any]) -> None:
        corrected = recount_tasks()
        if options["json"]:
            self.write_json({"corrected": corrected})
        else:
            self.stdout.write(
                f"Corrected the counts of {count_of(corrected, 'queue and type pair')}."
            )

    def _types(self, options: dict[str, Any]) -> None:
        types = [each for each in all_processors() if not each.is_internal]
        if options["json"]:
            self.write_json(list(TaskTypeSerializer(types, many=True).data))
            return
        table = Table("type", "queue", "attempts", "timeout", "does")
        for each in types:
            seconds = f"{each.timeout_seconds:g} s"
            cells = (each.name, each.queue, str(each.max_attempts), seconds, each.description)
            table.add_row(*cells)
        self.console().print(table)

    def _act(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        wanted = self._wanted(options)
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
            self.stdout.write(
                summarize_action(
                    options["verb"],
                    "task",
                    matched=done.matched,
                    changed=done.changed,
                    dry_run=options["dry_run"],
                )
            )
        left = len(wanted.ids) - done.changed
        if options["ids"] and not options["dry_run"] and left > 0:
            states = selectors.get_states(workspace_id, wanted.ids)
            kinds = ", ".join(sorted(set(states.values())))
            raise CommandError(
                f"{count_of(left, 'task')} could not be {DONE[options['verb']]}: "
                f"the state does not allow it (now: {kinds})."
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


def _table(tasks: Sequence[dict[str, Any]]) -> Table:
    has_errors = any(task["error"] for task in tasks)
    heads = ["id", "name", "type", "status", "queue", "prio", "attempt", "created"]
    table = Table(*heads, *(["error"] if has_errors else []))
    table.columns[0].no_wrap = True  # for copying
    table.columns[0].min_width = 36
    for task in tasks:
        error = task["error"] or {}
        cells = [
            str(task["id"]),
            task["name"],
            task["type"],
            task["status"],
            task["queue"],
            str(task["priority"]),
            f"{task['attempt']}/{task['maxAttempts']}",
            task["createdAt"],
            *(
                [f"{error.get('class', '')}: {error.get('message', '')}" if error else ""]
                * has_errors
            ),
        ]
        table.add_row(*cells)
    return table


def _filter_options() -> ArgumentParser:
    parser = ArgumentParser(add_help=False)
    for name in ("status", "type", "queue", "tag"):
        parser.add_argument(f"--{name}", action="append", help="comma-separated list")
    parser.add_argument("--search", help="a part of the name or type, or a whole id")
    parser.add_argument("--created-after", metavar="TIME", help="2030-01-31T08:00:00Z")
    parser.add_argument("--created-before", metavar="TIME")
    parser.add_argument("--min-priority", type=int)
    parser.add_argument("--worker", action="append", help="names or ids of nodes, comma-separated")
    parser.add_argument("--error-class", action="append", help="comma-separated list")
    parser.add_argument("--finished-after", metavar="TIME", help="2030-01-31T08:00:00Z")
    parser.add_argument("--finished-before", metavar="TIME")
    parser.add_argument(
        "--internal", action="store_true", default=None, help="with the platform's own bookkeeping"
    )
    return parser


def _filter_of(options: dict[str, Any]) -> TaskFilter:
    given = {api: options[name] for name, api in _FILTERS.items() if options[name] is not None}
    for name, value in given.items():
        if isinstance(value, list):
            given[name] = split_values(value)
    return filter_of_body(given, field="")
