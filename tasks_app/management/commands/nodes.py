"""`manage.py nodes`: look at workers, and end one gently."""

import time
from argparse import ArgumentParser
from typing import Any

from controlplane.core.clock import now
from controlplane.core.commands import CommandError
from controlplane.core.console import Table
from tasks_app import selectors
from tasks_app.management.terminal import (
    EXIT_REFUSED,
    EXIT_TIMEOUT,
    TerminalCommand,
    common_options,
    count_of,
    duration_ms,
    terminal_actor,
    workspace_of,
)
from tasks_app.serializers.nodes import NodeDetailSerializer, NodeSerializer
from workers.selectors import find_node, get_node, list_nodes
from workers.services import drain_node
from workers.states import LIVE, NodeState

_POLL_SECONDS = 0.2
_MAX_SHOWN = 1_000
_COLUMNS = ("node", "status", "host", "running", "processed", "failed", "CPU", "MB", "end")


class Command(TerminalCommand):
    """One verb each: list, show, drain."""

    help = "List, show and drain nodes: the workers of the installation."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser(
            "list", parents=[common_options()], help="those that live or ended within the last hour"
        )
        listing.add_argument("--status", action="append", choices=NodeState.values, default=[])
        show = verbs.add_parser("show", parents=[common_options()], help="one, with its slots")
        show.add_argument("node", help="id, or name as in vm#12")
        drain = verbs.add_parser(
            "drain", parents=[common_options()], help="finish what runs, take nothing new, end"
        )
        drain.add_argument("node", help="id, or name as in vm#12")
        drain.add_argument("--wait", action="store_true", help="until it has ended")
        drain.add_argument(
            "--timeout", type=duration_ms, default="10m", help="of --wait; default %(default)s"
        )

    def run_command(self, options: dict[str, Any]) -> None:
        {"list": self._list, "show": self._show, "drain": self._drain}[options["verb"]](options)

    def _list(self, options: dict[str, Any]) -> None:
        nodes = list_nodes(options["status"]).order_by("-id")[:_MAX_SHOWN]
        found = list(NodeSerializer(nodes, many=True).data)
        if options["json"]:
            self.write_json(found)
            return
        table = Table(*_COLUMNS)
        for node in found:
            table.add_row(*(str(cell) for cell in _row(node)))
        self.console().print(table if found else "There is no node: start `manage.py worker`.")

    def _show(self, options: dict[str, Any]) -> None:
        view = selectors.view_node(workspace_of(options), find_node(options["node"]).id)
        node = NodeDetailSerializer(view).data
        if options["json"]:
            self.write_json(node)
            return
        silent = (now() - view.heartbeat_at).total_seconds()
        console = self.console()
        console.print(
            f"{node['name']} on {node['host']}: {node['status']}."
            f"{' ' + node['endReason'] if node['endReason'] else ''}"
        )
        console.print(
            f"Queues {', '.join(node['queues'])}; {node['concurrency']} slots; "
            f"last heartbeat {silent:.0f} s ago."
        )
        console.print(
            f"{count_of(node['processed'], 'task')} ended here, {node['failed']:,} of them FAILED."
        )
        table = Table("slot", "running", "task", "type", "since")
        for slot in node["slots"]:
            shown = [slot[each] for each in ("slot", "running", "taskId", "type", "startedAt")]
            table.add_row(*("" if value is None else str(value) for value in shown))
        console.print(table)

    def _drain(self, options: dict[str, Any]) -> None:
        node = find_node(options["node"])
        node = drain_node(node.id, workspace_id=workspace_of(options), actor=terminal_actor())
        if options["wait"]:
            node = self._wait(node.id, options["timeout"] / 1000)
        if options["json"]:
            self.write_json(NodeSerializer(node).data)
        else:
            self.stdout.write(f"Node {node.name} is {node.state}.")
        if node.state == NodeState.LOST:
            raise CommandError(
                f"It was lost before it had finished. {node.end_reason}".rstrip(),
                returncode=EXIT_REFUSED,
            )

    def _wait(self, node_id: int, seconds: float) -> Any:
        give_up = time.monotonic() + seconds
        while (node := get_node(node_id)).state in LIVE:
            if time.monotonic() > give_up:
                raise CommandError(
                    f"Waited {seconds:g} s: it is {node.state}, and {node.running} tasks run. "
                    "It goes on draining.",
                    returncode=EXIT_TIMEOUT,
                )
            time.sleep(_POLL_SECONDS)
        return node


def _row(node: Any) -> list[Any]:
    return [
        node["name"],
        node["status"],
        node["host"],
        f"{node['running']} ({node['concurrency']} slots)",
        node["processed"],
        node["failed"],
        "" if node["cpu"] is None else f"{node['cpu']:.0f} %",
        "" if node["memory"] is None else node["memory"] >> 20,
        node["endReason"] or "",
    ]
