"""`manage.py queues`: look at queues, pause, resume and limit them."""

from argparse import ArgumentParser
from shlex import quote
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options
from controlplane.core.console.options import number, one_or_none, whole_number
from controlplane.core.console.secondlook import Effect
from controlplane.core.console.tables import Console, list_view, print_record
from controlplane.core.schema import represent
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from tasks_app import queries, services
from tasks_app.descriptors import FIELDS
from tasks_app.queues import MAX_PAUSE_REASON
from tasks_app.schema.queues import MAX_RATE, MAX_RUNNING, MIN_RATE, Queue
from tasks_app.undo import change_queue

_EXAMPLES = """\
  manage.py queues list
  manage.py queues pause mail
  manage.py queues limit mail --max-running 5 --rate-per-second 2
  manage.py queues limit mail --rate-per-second none      remove the limit
  manage.py queues describe mail --owner payments --runbook https://wiki.example"""


_HELP = {
    "title": "a few words; empty: none",
    "description": "what it is for",
    "owner": "a team or a person",
    "runbook": "the address of what to do when it is in trouble",
}


class Command(WorkspaceCommand):
    """Changes are audited."""

    help = "List, pause, resume, limit and describe queues."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = self.add_subcommands(parser)
        subcommands.add(
            "list",
            self._list,
            "List queues with their tasks and limits.",
            can_watch=True,
            show=_QUEUES,
        )
        undone: dict[str, Any] = {"effect": Effect.UNDONE, "has_reason": True}
        pause = subcommands.add(
            "pause", self._pause, "Start no more tasks of a queue.", show=_QUEUES, **undone
        )
        resume = subcommands.add(
            "resume", self._resume, "Start tasks again.", show=_QUEUES, **undone
        )
        limit = subcommands.add(
            "limit", self._limit, "Set or remove limits.", show=_QUEUES, effect=Effect.UNDONE
        )
        describe = subcommands.add(
            "describe",
            self._describe,
            "Say what a queue is for, whose it is, and where its runbook is.",
            show=_show_described,
            effect=Effect.UNDONE,
        )
        for field in FIELDS:
            describe.add_argument(f"--{field}", metavar="TEXT", help=_HELP[field])
        describe.add_argument(
            "--undo", action="store_true", help="put back what the last change replaced"
        )
        for each in (pause, resume, limit, describe):
            each.add_argument("name", help="name of the queue")
        for each in (pause, resume):
            each.add_argument(
                "--reason", default="", help=f"why, at most {MAX_PAUSE_REASON} characters"
            )
        limit.add_argument(
            "--max-running",
            type=one_or_none(whole_number(1, MAX_RUNNING)),
            metavar="N",
            help="maximum tasks that run at once, or `none`",
        )
        limit.add_argument(
            "--rate-per-second",
            "--rate",
            type=one_or_none(number(MIN_RATE, MAX_RATE)),
            metavar="N",
            help="maximum starts per second, or `none`",
        )

    def _list(self, workspace_id: UUID, options: Options) -> Any:
        rows = queries.list_queues(workspace_id).order_by("name")
        return [represent(Queue, each, None) for each in queries.view_queues(list(rows))]

    def _pause(self, workspace_id: UUID, options: Options) -> Any:
        return self._change(
            workspace_id, options["name"], {"paused": True, **self._reason(options)}
        )

    def _resume(self, workspace_id: UUID, options: Options) -> Any:
        return self._change(
            workspace_id, options["name"], {"paused": False, **self._reason(options)}
        )

    def _describe(self, workspace_id: UUID, options: Options) -> Any:
        changes = {name: options[name] for name in FIELDS if options[name] is not None}
        if bool(changes) == options["undo"]:
            self.usage("Give --undo, or some of --title, --description, --owner, --runbook.")
        key = {"workspace_id": workspace_id, "name": options["name"], "actor": terminal_actor()}
        if options["undo"]:
            services.undo_queue_descriptor(**key)
        else:
            services.change_queue_descriptor(**key, changes=changes)
            self.tell_undo(f"queues describe {quote(options['name'])} --undo")
        return represent(Queue, queries.get_queue(workspace_id, options["name"]), None)

    def _reason(self, options: Options) -> dict[str, str]:
        reason: str = options["reason"].strip()
        if len(reason) > MAX_PAUSE_REASON:
            self.usage(f"Give a reason of at most {MAX_PAUSE_REASON} characters.")
        return {"reason": reason} if reason else {}

    def _limit(self, workspace_id: UUID, options: Options) -> Any:
        limits = {name: options[name] for name in ("max_running", "rate_per_second")}
        changes = {
            name: None if value == "none" else value
            for name, value in limits.items()
            if value is not None
        }
        if not changes:
            self.usage("Give --max-running or --rate-per-second, each a number or `none`.")
        return self._change(workspace_id, options["name"], changes)

    def _change(self, workspace_id: UUID, name: str, changes: dict[str, Any]) -> Any:
        undone = change_queue(workspace_id, name, terminal_actor(), changes)
        if undone["before"] != undone["after"]:
            self.offer_undo("queues", {"queues": [undone]})
        return [represent(Queue, queries.get_queue(workspace_id, name), None)]


def _show_described(console: Console, queue: Any) -> None:
    shown = {name: queue[name] for name in ("name", *FIELDS)}
    print_record(console, shown, without=())


def _limits(queue: Any) -> str:
    running, rate = queue["maxRunning"], queue["ratePerSecond"]
    limits = [f"{running} at once" if running else "", f"{rate:g}/s" if rate else ""]
    return ", ".join(filter(None, limits))


_QUEUES = list_view(
    {
        "queue": "name",
        "title": "title",
        "owner": "owner",
        "waiting": "depth",
        "running": "running",
        "later": lambda queue: queue["scheduled"] + queue["retrying"],
        "blocked": "blocked",
        "limits": _limits,
        "paused by": lambda queue: (queue["pausedBy"] or "unknown") if queue["paused"] else "",
    },
    empty="There are no queues yet: the first task of a queue creates it.",
)
