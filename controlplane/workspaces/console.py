"""Commands that work in one workspace, in the name of the user at the terminal."""

import getpass
from argparse import ArgumentParser
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from controlplane.core.console.command import ConsoleCommand, Options
from controlplane.core.console.output import CommandError
from controlplane.core.console.secondlook import Look
from controlplane.core.errors import Conflict
from controlplane.core.requests import COMMAND, stating_reason, working_for
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.queries import get_workspace
from controlplane.workspaces.states import DEFAULT_WORKSPACE, ActorKind, Role
from controlplane.workspaces.undo import make_undo_token

if TYPE_CHECKING:
    from controlplane.workspaces.bulk.rows import Membership
    from controlplane.workspaces.bulk.selection import Selection


class WorkspaceCommand(ConsoleCommand):
    """Its subcommands take `--workspace`, and are called with the id of the workspace and the
    options; those that are declared with `has_workspace=False` with the options alone."""

    def add_common_options(
        self, parser: ArgumentParser, *, has_workspace: bool = True, **kwargs: Any
    ) -> None:
        super().add_common_options(parser, **kwargs)
        if has_workspace:
            parser.add_argument(
                "--workspace",
                help="slug of the workspace (default: default)",
                **({"default": DEFAULT_WORKSPACE} | kwargs),
            )

    def call(self, run: Callable[..., Any], options: Options) -> Any:
        with working_for("", COMMAND), stating_reason(options.get("reason") or ""):
            if "workspace" not in options:
                return run(options)
            return run(get_workspace(options["workspace"]).id, options)

    def look_at(
        self,
        workspace_id: UUID,
        verb: tuple[str, str],
        selection: "Selection",
        options: Options,
        **values: Any,
    ) -> "Membership":
        """The second look at what is selected, with the preview of a bulk operation: `verb` is its
        target and its action, `values` are its options. Returns what is selected. Raises
        CommandError, also if that has changed while the person read the question."""
        from controlplane.workspaces.bulk.preview import find_bulk_verb, make_preview, read_token

        found = make_preview(
            workspace_id=workspace_id,
            verb=find_bulk_verb(*verb),
            selection=selection,
            options=values,
            actor=terminal_actor(),
        )
        look = Look(
            title=found.title,
            consequence=found.consequence,
            count=found.plan.members.count,
            first=[f"{each.state.lower()} {each.key} {each.name}" for each in found.first],
            is_named=bool(selection.ids),
            is_undoable=bool(found.plan.verb.undone_by),
        )
        if self.look_twice(look, options):
            try:
                read_token(found.token, workspace_id=workspace_id, actor=terminal_actor())
            except Conflict as error:
                raise CommandError(f"{error.detail} Nothing was changed.") from None
        return found.plan.members

    def offer_undo(self, kind: str, values: dict[str, Any]) -> None:
        """Say how to undo what was done; for the kinds see `controlplane.core.undo`."""
        if not self.is_json:
            self.tell_undo(f"undo {make_undo_token(kind, values, terminal_actor())}")


def terminal_actor() -> Actor:
    """A user who may run commands on this machine is the system's operator; the audit log records
    the user."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        name = "somebody"
    return Actor(ActorKind.SYSTEM.value, "", f"{name} at the command line", Role.ADMIN)
