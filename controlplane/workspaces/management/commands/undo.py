"""`manage.py undo`: undo what another command has changed."""

from argparse import ArgumentParser
from typing import Any

from controlplane.core.console.command import ConsoleCommand, Options, Reply
from controlplane.core.console.secondlook import Effect
from controlplane.core.requests import COMMAND, stating_reason, working_for
from controlplane.workspaces.console import terminal_actor
from controlplane.workspaces.undo import undo_by_token

_EXAMPLES = """\
  manage.py queues pause mail      says which command undoes it"""


class Command(ConsoleCommand):
    """Audited."""

    help = "Undo a change within an hour, unless somebody has changed it since."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_run(parser, self._run, Effect.MAKES)
        parser.add_argument("token", help="what the command that changed it has printed")

    def _run(self, options: Options) -> Any:
        with working_for("", COMMAND), stating_reason(options.get("reason") or ""):
            text = undo_by_token(options["token"], actor=terminal_actor())
        return Reply({"text": text}, [text])
