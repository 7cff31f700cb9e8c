"""`manage.py top`: what is wrong, the queues, the nodes and the failures of one workspace, live."""

import logging
import os
import shutil
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options, Reply
from controlplane.core.console.options import number
from controlplane.core.console.watching import is_screen
from controlplane.workspaces.console import WorkspaceCommand

_EXAMPLES = """\
  manage.py top
  manage.py top --workspace shop --interval 5
  manage.py top --once | head -20
  manage.py top --json"""


class Command(WorkspaceCommand):
    """Actions are audited."""

    help = "Show what is wrong, queues, nodes and failures, live; pause, drain, reprocess."
    notes = (
        "`?` shows the keys. Without a terminal, or with --once, it prints one snapshot. "
        "NO_COLOR turns colours off."
    )
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_run(parser, self._run)
        parser.add_argument(
            "--interval",
            type=number(0.5, 3_600),
            default=2.0,
            metavar="SECONDS",
            help="time between two readings, 0.5 to 3,600 (default %(default)g)",
        )
        parser.add_argument("--once", action="store_true", help="print one snapshot, and end")

    def _run(self, workspace_id: UUID, options: Options) -> Any:
        if self.is_json or options["once"] or not is_screen(self.stdout.raw):
            return self._read_once(workspace_id, options["interval"])
        self._show_live(workspace_id, options["interval"])
        return None

    def _read_once(self, workspace_id: UUID, interval: float) -> Reply:
        # --help starts without them.
        from controlplane.ops.terminal.plain import describe_snapshot, list_lines
        from controlplane.ops.terminal.snapshot import SnapshotReader

        snapshot = SnapshotReader(workspace_id).read()
        if self.is_json:
            return Reply(describe_snapshot(snapshot), ())
        width = shutil.get_terminal_size((80, 24)).columns
        return Reply(None, list(list_lines(snapshot, width, interval)))

    def _show_live(self, workspace_id: UUID, interval: float) -> None:
        # --help and --once start without the screen and its actions.
        from controlplane.core.console.paint import Paint, count_colours
        from controlplane.core.console.recorded import record_logs
        from controlplane.core.console.screen import Screen
        from controlplane.ops.terminal.live import Live

        with record_logs(), Screen(Paint(count_colours(os.environ))) as screen:
            try:
                Live(screen, workspace_id, interval).run()
            except KeyboardInterrupt:
                logging.getLogger(__name__).debug("Ended by Ctrl-C")
