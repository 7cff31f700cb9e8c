"""Commands that work in one workspace, in the name of the user at the terminal."""

import getpass
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from controlplane.core.console.command import ConsoleCommand, Options
from controlplane.core.requests import COMMAND, working_for
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.queries import get_workspace
from controlplane.workspaces.states import DEFAULT_WORKSPACE, ActorKind, Role


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
        with working_for("", COMMAND):
            if "workspace" not in options:
                return run(options)
            return run(get_workspace(options["workspace"]).id, options)


def terminal_actor() -> Actor:
    """A user who may run commands on this machine is the system's operator; the audit log records
    the user."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        name = "somebody"
    return Actor(ActorKind.SYSTEM.value, "", f"{name} at the command line", Role.ADMIN)
