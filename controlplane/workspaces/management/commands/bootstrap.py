"""`manage.py bootstrap`: the first administrator and API key of a new installation."""

from argparse import ArgumentParser
from typing import Any

from controlplane.core.console.command import SafeCommand
from controlplane.workspaces.services import ensure_bootstrap


class Command(SafeCommand):
    help = "Make the first administrator and an API key, unless there are users."
    notes = (
        "Prints the variables of credentials.env, once: only hashes are stored. With users it "
        "makes and prints nothing, so that a script may run it at each start."
    )
    examples = "  manage.py bootstrap --admin anna > credentials.env"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--admin", default="admin", metavar="NAME", help="user name (default: admin)"
        )

    def handle(self, **options: Any) -> None:
        made = ensure_bootstrap(options["admin"])
        if made is None:
            self.warn("There are users already: nothing was made.")
            return
        self.stdout.write(f"TASKPLANE_API_KEY={made.api_key}")
        self.stdout.write(f"TASKPLANE_ADMIN_USER={made.username}")
        self.stdout.write(f"TASKPLANE_ADMIN_PASSWORD={made.password}")
