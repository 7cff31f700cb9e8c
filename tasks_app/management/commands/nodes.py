"""`manage.py nodes`: show workers, and drain one."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from controlplane.core.clock import now, parse_time
from controlplane.core.console.command import Options, Reply
from controlplane.core.console.derived import add_options, read_options
from controlplane.core.console.options import add_wait
from controlplane.core.console.output import EXIT_TIMEOUT, CommandError
from controlplane.core.console.polling import poll
from controlplane.core.console.secondlook import Effect, Look
from controlplane.core.console.tables import Console, columns_of, list_view, table_of
from controlplane.core.formatting import format_count, format_size, format_whole
from controlplane.core.schema import represent
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from tasks_app import queries
from tasks_app.schema.nodes import Node, NodeDetail, NodeFilter
from workers.queries import find_node, get_node, list_nodes, take_shown
from workers.services import drain_node
from workers.states import LIVE, NodeState

_POLL_SECONDS = 0.2
_MAX_NODES = 1_000
_EXAMPLES = """\
  manage.py nodes list
  manage.py nodes list --status LOST
  manage.py nodes show vm#12
  manage.py nodes drain 12 --wait"""


class Command(WorkspaceCommand):
    """Nodes serve all workspaces; a drain is audited in the given workspace."""

    help = "List, show and drain nodes: the workers of the installation."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = self.add_subcommands(parser)
        listing = subcommands.add(
            "list",
            self._list,
            "List nodes that are alive or ended within the last hour.",
            can_watch=True,
            show=_NODES,
        )
        add_options(listing, NodeFilter)
        show = subcommands.add(
            "show", self._show, "Show a node with its slots.", can_watch=True, show=_show_node
        )
        drain = subcommands.add(
            "drain",
            self._drain,
            "Let a node finish its running tasks, take no more, and end.",
            effect=Effect.ENDS,
        )
        for each in (show, drain):
            each.add_argument("node", help="id, or name such as vm#12")
        add_wait(drain, "the node has ended", "--timeout", default="10m")

    def _list(self, workspace_id: UUID, options: Options) -> Any:
        wanted = read_options(NodeFilter, options)
        nodes = list_nodes(wanted.statuses, name=wanted.name)
        return [represent(Node, node, None) for node in take_shown(nodes, _MAX_NODES)]

    def _show(self, workspace_id: UUID, options: Options) -> Any:
        view = queries.view_node(workspace_id, find_node(options["node"]).id)
        return represent(NodeDetail, view, None)

    def _drain(self, workspace_id: UUID, options: Options) -> Any:
        node = find_node(options["node"])
        text = "It takes no more tasks, finishes those that run, and ends."
        self.look_twice(Look(f"Drain the node {node.name}", text), options)
        node = drain_node(node.id, workspace_id=workspace_id, actor=terminal_actor())
        if options["wait"]:
            node = _wait(node.id, options["wait_timeout"])
        line = f"Node {node.name} is {node.state}."
        reply = Reply(represent(Node, node, None), [line])
        if node.state == NodeState.LOST:
            reason = f"The node was lost before it had finished. {node.end_reason}".rstrip()
            raise CommandError(reason, body=reply)
        return reply


def _wait(node_id: int, seconds: float) -> Any:
    node, has_ended = poll(
        lambda: get_node(node_id),
        until=lambda node: node.state not in LIVE,
        seconds=seconds,
        every=_POLL_SECONDS,
    )
    if not has_ended:
        raise CommandError(
            f"Waited {seconds:g} s: node {node.name} is {node.state} and runs "
            f"{format_count(node.running, 'task')}. It is still draining.",
            returncode=EXIT_TIMEOUT,
        )
    return node


def _show_node(console: Console, node: Any) -> None:
    silent = (now() - parse_time(node["heartbeatAt"])).total_seconds()
    console.write(f"{node['name']} on {node['host']}: {node['status']}. {node['endReason'] or ''}")
    release = node["release"] or "not set (TASKPLANE_RELEASE)"
    console.write(f"Release of the code: {release}; Taskplane {node['version']}.")
    console.write(
        f"Queues {', '.join(node['queues'])}; {node['concurrency']} slots; "
        f"last heartbeat {silent:.0f} s ago."
    )
    console.write(
        f"{format_count(node['processed'], 'task')} ended here, {node['failed']:,} FAILED."
    )
    columns = columns_of("slot", "running", "taskId", "type", "startedAt")
    console.print(table_of(columns, node["slots"]))


_NODES = list_view(
    {
        **columns_of("name", "status", "host", "release"),
        "running": lambda node: f"{node['running']} ({node['concurrency']} slots)",
        **columns_of("processed", "failed"),
        "CPU": lambda node: None if node["cpu"] is None else f"{format_whole(node['cpu'])} %",
        "memory": lambda node: format_size(node["memory"]),
        "end": lambda node: node["endReason"] or "",
    },
    empty="There are no nodes: start one with `manage.py worker`.",
)
