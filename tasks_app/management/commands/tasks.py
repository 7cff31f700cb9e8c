"""`manage.py tasks`: look at tasks, cancel and retry them."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options, Reply
from controlplane.core.console.derived import add_options, add_selection, read_options
from controlplane.core.console.options import add_limit, identifier
from controlplane.core.console.output import EXIT_NOT_FOUND, CommandError
from controlplane.core.console.secondlook import Effect
from controlplane.core.console.tables import Console, columns_of, list_view, print_record
from controlplane.core.cursors import Sort, count_or_estimate, read_sorted
from controlplane.core.formatting import format_count, format_duration
from controlplane.core.schema import represent, represent_row
from controlplane.workspaces.bulk.selection import Selection
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from tasks_app import queries, services
from tasks_app.filters import TaskFilter, filter_to_body
from tasks_app.queries import SORT_FIELDS
from tasks_app.schema.tasks import Explanation, Task, TaskDetail
from tasks_app.services.rollups import recount_tasks

_PAST = {"cancel": "cancelled", "retry": "retried"}
_EXAMPLES = """\
  manage.py tasks list --status FAILED --sort=-finishedAt     what failed last
  manage.py tasks list --worker vm --finished-after 1h        what one ended
  manage.py tasks show ID                                     why a task waits
  manage.py tasks retry --error-class TimeoutError --dry-run  only count them"""


class Command(WorkspaceCommand):
    """Changes are audited."""

    help = "List, show, cancel and retry tasks; list the task types."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = self.add_subcommands(parser)
        listing = subcommands.add(
            "list", self._list, "List tasks that match.", can_watch=True, show=_show_tasks
        )
        add_options(listing, TaskFilter)
        add_limit(listing)
        listing.add_argument(
            "--sort",
            type=_sort,
            default="-createdAt",
            help=f"one of {', '.join(SORT_FIELDS)}; a leading - puts the greatest first, as in "
            "--sort=-durationMs (default: newest first)",
        )
        show = subcommands.add(
            "show", self._show, "Show a task, and why it waits.", can_watch=True, show=_show_task
        )
        show.add_argument("id", type=identifier, help="id of the task")
        for name, run, summary in (
            ("cancel", self._cancel, "End waiting tasks, and ask running ones to stop."),
            ("retry", self._retry, "Retry ended tasks; COMPLETED ones only by id or --status."),
        ):
            action = subcommands.add(name, run, summary, effect=Effect.ENDS)
            add_selection(action, TaskFilter, "tasks")
        subcommands.add(
            "recount",
            self._recount,
            "Compare the counts with the tasks of all workspaces, and correct them.",
            effect=Effect.MAKES,
            has_reason=True,
            has_workspace=False,
        )
        subcommands.add(
            "types",
            self._types,
            "List task types with their queues and defaults.",
            show=_TYPES,
            has_workspace=False,
        )

    def _list(self, workspace_id: UUID, options: Options) -> Any:
        selection, limit = _read_filter(options), options["limit"]
        with queries.in_bounded_time():
            tasks = queries.list_tasks(workspace_id, selection)
            rows = read_sorted(tasks, options["sort"], limit + 1)
            described = queries.describe_tasks(rows[:limit])
            has_more = not self.is_json and len(rows) > limit
            total, is_estimate = count_or_estimate(tasks) if has_more else (len(described), False)
        shown = [represent_row(Task, task, None) for task in described]
        if not has_more:
            return shown
        _show_tasks(self.console(), shown)
        about = "about " if is_estimate else ""
        return Reply(shown, [f"… {about}{total - limit:,} more; --limit shows more of them."])

    def _show(self, workspace_id: UUID, options: Options) -> Any:
        detail = queries.get_task_detail(workspace_id, options["id"])
        explanation = queries.explain_task(workspace_id, options["id"])
        return {
            **represent(TaskDetail, detail, None),
            "explanation": represent(Explanation, explanation, None),
        }

    def _cancel(self, workspace_id: UUID, options: Options) -> Any:
        return self._act("cancel", workspace_id, options)

    def _retry(self, workspace_id: UUID, options: Options) -> Any:
        return self._act("retry", workspace_id, options)

    def _act(self, action: str, workspace_id: UUID, options: Options) -> Any:
        selection = self._select(workspace_id, options)
        until: UUID | None = None
        if not options["dry_run"]:
            ids = tuple(map(str, selection.ids)) if options["ids"] else ()
            selected = Selection(ids=ids, filter={} if ids else filter_to_body(selection))
            found = self.look_at(workspace_id, ("tasks", action), selected, options)
            if not found.count:
                return Reply({"matched": 0, "changed": 0}, ["Nothing matches."])
            until = UUID(found.last)
        reply, _ = self.act(
            action,
            _PAST[action],
            "task",
            lambda: services.act_on_tasks(
                workspace_id=workspace_id,
                actor=terminal_actor(),
                action=action,
                wanted=selection,
                dry_run=options["dry_run"],
                until=until,
            ),
            dry_run=options["dry_run"],
        )
        unchanged = len(selection.ids) - reply.body["changed"]
        if unchanged > 0 and not options["dry_run"]:
            states = queries.get_states(workspace_id, selection.ids)
            raise CommandError(
                f"{format_count(unchanged, 'task')} could not be {_PAST[action]}: "
                f"the state does not allow it (now: {', '.join(sorted(set(states.values())))}).",
                body=reply,
            )
        return reply

    def _select(self, workspace_id: UUID, options: Options) -> TaskFilter:
        """The tasks that are named, in one of three ways."""
        selection = _read_filter(options)
        if options["ids"]:
            if not selection.is_empty:
                self.usage("Give ids or filters, one of the two.")
            selection = TaskFilter(ids=tuple(dict.fromkeys(options["ids"])))
            known = queries.get_states(workspace_id, selection.ids)
            missing = [str(each) for each in selection.ids if each not in known]
            if missing:
                raise CommandError(
                    f"There is no task {', '.join(missing)}.", returncode=EXIT_NOT_FOUND
                )
        if selection.is_empty and not options["all"]:
            self.usage("Name the tasks: ids, filters such as --status FAILED, or --all.")
        return selection

    def _recount(self, options: Options) -> Any:
        corrected = recount_tasks()
        counted = format_count(corrected, "queue and type pair")
        return Reply({"corrected": corrected}, [f"Corrected the counts of {counted}."])

    def _types(self, options: Options) -> Any:
        # The other subcommands start without them.
        from tasks_app.queries.declarations import list_types
        from tasks_app.schema.types import TaskType

        return [represent(TaskType, each, None) for each in list_types(with_internal=False)]


def _read_filter(options: Options) -> TaskFilter:
    return read_options(TaskFilter, options).asked_by(terminal_actor().as_submitter)


def _sort(text: str) -> Sort:
    name = text.removeprefix("-")
    if name not in SORT_FIELDS:
        known = ", ".join(SORT_FIELDS)
        raise ArgumentTypeError(f"{text!r} is not one of {known}, with or without a leading -")
    return Sort.of(text, SORT_FIELDS[name])


def _show_tasks(console: Console, tasks: list[dict[str, Any]]) -> None:
    has_errors = any(task["error"] for task in tasks)
    columns = {**_COLUMNS, "error": _describe_error} if has_errors else _COLUMNS
    list_view(columns, empty="No task matches.")(console, tasks)


def _show_task(console: Console, task: dict[str, Any]) -> None:
    print_record(console, task, without=("attempts", "logs", "explanation"))
    for attempt in task["attempts"]:
        console.write(
            f"attempt {attempt['attempt']}: {attempt['outcome']} on {attempt['workerNode']} "
            f"at {attempt['finishedAt']} {(attempt['error'] or {}).get('message', '')}"
        )
    for line in task["logs"]:
        console.write(f"{line['at']} {line['level']}: {line['message']}")
    console.write(task["explanation"]["detail"])


def _describe_error(task: dict[str, Any]) -> str:
    error = task["error"]
    return f"{error.get('class', '')}: {error.get('message', '')}" if error else ""


_COLUMNS = {
    **columns_of("id", "name", "type", "status", "queue", "priority"),
    "attempt": lambda task: f"{task['attempt']}/{task['maxAttempts']}",
    **columns_of("createdAt"),
}
_TYPES = list_view(
    {
        **columns_of("type", "queue", "maxAttempts"),
        "timeout": lambda each: format_duration(each["timeoutSeconds"]),
        **columns_of("description"),
    },
    empty="No task type is registered.",
)
