"""`manage.py operations`: preview, start, watch and cancel bulk operations."""

import sys
from argparse import ArgumentParser
from functools import partial
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options
from controlplane.core.console.derived import add_fields, add_options, read_options
from controlplane.core.console.options import (
    JSON_HELP,
    add_limit,
    add_wait_timeout,
    identifier,
    json_object,
)
from controlplane.core.console.output import EXIT_TIMEOUT, CommandError
from controlplane.core.console.polling import poll
from controlplane.core.console.secondlook import Effect, Look
from controlplane.core.schema import represent
from controlplane.ops.operations import control, queries
from controlplane.ops.operations.management import tables
from controlplane.ops.operations.schema import (
    Item,
    ItemFilter,
    Operation,
    OperationFilter,
    OperationIn,
    PreviewIn,
)
from controlplane.ops.operations.states import ENDED, OperationState
from controlplane.workspaces.bulk.preview import find_bulk_verb, make_preview
from controlplane.workspaces.bulk.preview import read_options as read_verb_options
from controlplane.workspaces.bulk.schema import OperationPreview
from controlplane.workspaces.bulk.selection import read_selection
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor

_POLL_SECONDS = 0.5
_EXAMPLES = """\
  manage.py operations preview tasks retry --filter '{"status": ["FAILED"]}'
  manage.py operations preview tasks reprioritize --filter '{"queue": "mail"}' \\
      --options '{"priority": 20}'
  manage.py operations preview schedules pause --all
  manage.py operations preview schedules resume \\
      --operation 018f6f2e-0000-7000-8000-000000000000
  manage.py operations start TOKEN --reason "fixed in 2.4.1" --watch
  manage.py operations items 018f6f2e-0000-7000-8000-000000000000 \\
      --outcome REFUSED
  manage.py operations list --status RUNNING"""
_STEPS = {
    "cancel": (control.cancel_operation, "Change nothing more; what was changed stays.", ""),
    "pause": (control.pause_operation, "Change nothing until it is resumed.", "resume"),
    "resume": (control.resume_operation, "Continue a paused operation.", "pause"),
}


class Command(WorkspaceCommand):
    """Changes are audited."""

    help = "Change many tasks, dead letters, schedules or queues, with a result for each."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = self.add_subcommands(parser).add
        listing = add(
            "list",
            self._list,
            "List operations, newest first.",
            can_watch=True,
            show=tables.show_operations,
        )
        add_options(listing, OperationFilter)
        add_limit(listing, maximum=1_000)
        show = add(
            "show", self._show, "Show an operation.", can_watch=True, show=tables.show_operation
        )
        items = add("items", self._items, "List the items.", can_watch=True, show=tables.show_items)
        add_options(items, ItemFilter)
        add_limit(items)
        watch = add("watch", self._watch, "Wait until it has ended.", show=tables.show_operation)
        add_wait_timeout(watch)
        named = [show, items, watch]
        for name, (_, text, undone_by) in _STEPS.items():
            effect = Effect.UNDONE if undone_by else Effect.ENDS
            run = partial(self._step, name)
            named.append(add(name, run, text, show=tables.show_operation, effect=effect))
        for each in named:
            each.add_argument("id", type=identifier, help="id of the operation")
        self._add_preview(add)
        self._add_start(add)

    def _add_preview(self, add: Any) -> None:
        preview = add(
            "preview", self._preview, "Show what an operation would do.", show=tables.show_preview
        )
        preview.add_argument("target", help="tasks, dead-letters, schedules or queues")
        preview.add_argument("action", help="such as cancel, retry, reprocess, pause")
        add_fields(preview, PreviewIn, "ids", aliases={"ids": "--id"})
        preview.add_argument(
            "--filter", metavar="JSON", help=f"conditions of the list: {JSON_HELP}"
        )
        preview.add_argument("--all", action="store_true", help="confirm that all are selected")
        preview.add_argument(
            "--operation", type=identifier, metavar="ID", help="what this operation changed"
        )
        preview.add_argument(
            "--rest", action="store_true", help="what that operation did not come to, instead"
        )
        preview.add_argument(
            "--options", metavar="JSON", help=f'such as {{"priority": 5}}: {JSON_HELP}'
        )

    def _add_start(self, add: Any) -> None:
        start = add(
            "start",
            self._start,
            "Start what was previewed.",
            show=tables.show_operation,
            effect=Effect.MAKES,
            has_reason=True,
        )
        start.add_argument("token", help="that of the preview; - reads the standard input")
        add_fields(start, OperationIn, "reason", "rate_per_second", "accept_drift")
        start.add_argument("--watch", action="store_true", help="wait until it has ended")
        add_wait_timeout(start)

    def _list(self, workspace_id: UUID, options: Options) -> Any:
        wanted = read_options(OperationFilter, options)
        found = queries.list_operations(workspace_id, wanted.states)[: options["limit"]]
        return [represent(Operation, operation, None) for operation in found]

    def _show(self, workspace_id: UUID, options: Options) -> Any:
        return represent(Operation, queries.get_operation(workspace_id, options["id"]), None)

    def _items(self, workspace_id: UUID, options: Options) -> Any:
        wanted = read_options(ItemFilter, options)
        items = queries.list_items(workspace_id, options["id"], wanted.outcomes)
        return [represent(Item, item, None) for item in items[: options["limit"]]]

    def _preview(self, workspace_id: UUID, options: Options) -> Any:
        verb = find_bulk_verb(options["target"], options["action"])
        wanted, given = options["filter"], options["options"]
        found = make_preview(
            workspace_id=workspace_id,
            verb=verb,
            selection=read_selection(
                verb.target,
                ids=options["ids"] or None,
                wanted=None if wanted is None else json_object(wanted, option="--filter"),
                origin=options["operation"],
                is_all=options["all"],
                is_rest=options["rest"],
            ),
            options=read_verb_options(
                verb, {} if given is None else json_object(given, option="--options")
            ),
            actor=terminal_actor(),
        )
        return represent(OperationPreview, found, None)

    def _start(self, workspace_id: UUID, options: Options) -> Any:
        given = options["token"]
        operation = control.start_operation(
            workspace_id=workspace_id,
            token=sys.stdin.read().strip() if given == "-" else given,
            actor=terminal_actor(),
            reason=options["reason"],
            rate_per_second=options["rate_per_second"],
            accept_drift=options["accept_drift"],
        )
        if options["watch"]:
            return self._wait(workspace_id, operation.id, options["wait_timeout"])
        return represent(Operation, operation, None)

    def _step(self, name: str, workspace_id: UUID, options: Options) -> Any:
        step, text, undone_by = _STEPS[name]
        look = Look(f"{name.title()} the operation {options['id']}", text,
                    is_undoable=bool(undone_by))  # fmt: skip
        self.look_twice(look, options)
        operation = step(
            workspace_id=workspace_id, operation_id=options["id"], actor=terminal_actor()
        )
        if undone_by:
            self.tell_undo(f"operations {undone_by} {operation.id}")
        return represent(Operation, operation, None)

    def _watch(self, workspace_id: UUID, options: Options) -> Any:
        return self._wait(workspace_id, options["id"], options["wait_timeout"])

    def _wait(self, workspace_id: UUID, operation_id: UUID, seconds: float) -> Any:
        """The operation at its end. Raises CommandError if it did not complete, or not in time."""
        with self.progress("Operation") as update:
            operation, has_ended = poll(
                lambda: queries.get_operation(workspace_id, operation_id),
                until=lambda operation: operation.state in ENDED,
                seconds=seconds,
                every=_POLL_SECONDS,
                show=lambda operation: update(
                    total=operation.total or None,
                    completed=operation.submitted,
                    note=tables.describe_step(operation),
                ),
            )
        body = represent(Operation, operation, None)
        if not has_ended:
            raise CommandError(
                f"Waited {seconds:g} s; the operation continues without this command.",
                returncode=EXIT_TIMEOUT,
                body=body,
            )
        if operation.state != OperationState.COMPLETED or operation.failed:
            reason = operation.stop_reason or tables.describe_counts(body)
            raise CommandError(reason, body=body)
        return body
