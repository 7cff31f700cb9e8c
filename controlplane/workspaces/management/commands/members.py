"""`manage.py members`: who has which role in a workspace."""

from argparse import ArgumentParser
from shlex import quote
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options, Reply
from controlplane.core.console.derived import add_fields
from controlplane.core.console.secondlook import Effect, Look
from controlplane.core.console.tables import columns_of, list_view
from controlplane.core.schema import represent
from controlplane.workspaces import queries, services
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from controlplane.workspaces.schema import Member, RoleRequest

_EXAMPLES = """\
  manage.py members list --workspace payments
  manage.py members add ada --role operator
  manage.py members change ada --role admin
  manage.py members remove ada"""


class Command(WorkspaceCommand):
    """Changes are audited. The last administrator of a workspace stays."""

    help = "List, add, change and remove members of a workspace."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = self.add_subcommands(parser)
        subcommands.add("list", self._list, "List members with their roles.", show=_MEMBERS)
        add = subcommands.add(
            "add", self._add, "Add somebody who has an account.", effect=Effect.MAKES
        )
        change = subcommands.add(
            "change", self._change, "Change a member's role.", effect=Effect.UNDONE
        )
        remove = subcommands.add(
            "remove", self._remove, "Take a member's role away.", effect=Effect.ENDS
        )
        for each in (add, change, remove):
            each.add_argument("user", help="user name")
        for each in (add, change):
            add_fields(each, RoleRequest, "role")
            each.set_defaults(role="viewer")

    def _list(self, workspace_id: UUID, options: Options) -> Any:
        workspace = queries.get_workspace(options["workspace"])
        return [represent(Member, each, None) for each in queries.list_members(workspace)]

    def _add(self, workspace_id: UUID, options: Options) -> Any:
        member = services.invite_member(
            workspace=queries.get_workspace(options["workspace"]),
            name=options["user"],
            role=options["role"],
            actor=terminal_actor(),
        )
        return Reply(represent(Member, member, None), [f"Added {member}."])

    def _change(self, workspace_id: UUID, options: Options) -> Any:
        workspace = queries.get_workspace(options["workspace"])
        member = queries.get_member_by_name(workspace, options["user"])
        before = member.role
        member = services.add_member(
            workspace=workspace, user=member.user, role=options["role"], actor=terminal_actor()
        )
        where = f"--workspace {quote(workspace.slug)}"
        self.tell_undo(f"members change {quote(options['user'])} --role {before} {where}")
        return Reply(represent(Member, member, None), [f"Changed {member}."])

    def _remove(self, workspace_id: UUID, options: Options) -> Any:
        workspace = queries.get_workspace(options["workspace"])
        member = queries.get_member_by_name(workspace, options["user"])
        title = f"Remove {options['user']} from {workspace.slug}"
        self.look_twice(Look(title, "They can see and do nothing there any more."), options)
        removed = represent(Member, member, None)
        services.remove_member(member=member, actor=terminal_actor())
        return Reply(removed, [f"Removed {removed['user']} from {workspace.slug}."])


_MEMBERS = list_view(
    columns_of("user", "role", "isActive", "createdAt"),
    empty="Nobody is a member yet: add somebody with `manage.py members add USER`.",
)
