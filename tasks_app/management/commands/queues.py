"""`manage.py queues`: look at queues, pause, resume and limit them."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import Any
from uuid import UUID

from controlplane.core.console import Table
from tasks_app import selectors, services
from tasks_app.management.terminal import (
    TerminalCommand,
    common_options,
    terminal_actor,
    workspace_of,
)
from tasks_app.serializers import QueueSerializer
from tasks_app.serializers.queues import FASTEST_RATE, MAX_RUNNING

_NONE = "none"


class Command(TerminalCommand):
    """One verb each: list, pause, resume, limit."""

    help = "List, pause, resume and limit queues."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", parents=[common_options()], help="what waits and runs in each")
        for verb, what in (("pause", "start nothing more"), ("resume", "go on")):
            each = verbs.add_parser(verb, parents=[common_options()], help=what)
            each.add_argument("name")
        limit = verbs.add_parser("limit", parents=[common_options()], help="set or lift limits")
        limit.add_argument("name")
        limit.add_argument(
            "--max-running",
            type=_limit(int, 1, MAX_RUNNING),
            metavar="N",
            help="at once; `none` lifts it",
        )
        limit.add_argument(
            "--rate",
            type=_limit(float, 0.0001, FASTEST_RATE),
            metavar="N",
            help="starts a second; `none` lifts it",
        )

    def run_command(self, options: dict[str, Any]) -> None:
        workspace_id = workspace_of(options)
        if options["verb"] == "list":
            queues = list(selectors.list_queues(workspace_id).order_by("name"))
            self._tell(list(QueueSerializer(queues, many=True).data), options)
            return
        services.change_queue(
            workspace_id=workspace_id,
            name=options["name"],
            actor=terminal_actor(),
            changes=self._changes(options),
        )
        self._tell([_one(workspace_id, options["name"])], options)

    def _changes(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["verb"] != "limit":
            return {"paused": options["verb"] == "pause"}
        given = {"max_running": options["max_running"], "rate_per_second": options["rate"]}
        changes = {name: None if v == _NONE else v for name, v in given.items() if v is not None}
        if not changes:
            self.usage("Give --max-running or --rate, each a number or `none`.")
        return changes

    def _tell(self, queues: list[Any], options: dict[str, Any]) -> None:
        if options["json"]:
            self.write_json(queues)
            return
        table = Table("queue", "waiting", "running", "later", "blocked", "limits", "paused by")
        for queue in queues:
            limits = [
                f"{queue['maxRunning']} at once" if queue["maxRunning"] else "",
                f"{queue['ratePerSecond']:g}/s" if queue["ratePerSecond"] else "",
            ]
            table.add_row(
                queue["name"],
                str(queue["depth"]),
                str(queue["running"]),
                str(queue["scheduled"] + queue["retrying"]),
                str(queue["blocked"]),
                ", ".join(limit for limit in limits if limit),
                (queue["pausedBy"] or "somebody") if queue["paused"] else "",
            )
        self.console().print(table if queues else "There is no queue yet: a task makes its own.")


def _one(workspace_id: UUID, name: str) -> Any:
    return QueueSerializer(selectors.get_queue(workspace_id, name)).data


def _limit(kind: type, least: float, most: float) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if text == _NONE:
            return _NONE
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise ArgumentTypeError(f"must be from {least:g} to {most:g}, or {_NONE}: not {text!r}")
        return value

    return read
