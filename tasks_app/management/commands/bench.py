"""`manage.py bench`: the same as scripts/bench."""

import sys
from typing import Any

from controlplane.cli import run_benchmarks
from controlplane.core.console.command import SafeCommand


class Command(SafeCommand):
    help = "Measure Taskplane beside Celery, on servers of its own; `bench --help` lists options."

    def run_from_argv(self, argv: list[str]) -> None:
        """The options are those of the benchmarks, so they are not parsed here."""
        sys.exit(run_benchmarks(argv[2:]))

    def handle(self, *args: Any, **options: Any) -> None:
        """As from the command line, without options; for `call_command`."""
        self.run_from_argv([sys.argv[0], "bench"])
