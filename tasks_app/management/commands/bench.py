"""`manage.py bench`: the same as scripts/bench."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from controlplane.core.console.command import SafeCommand

_INTERRUPTED = 130


class Command(SafeCommand):
    help = "Measure Taskplane beside Celery, on servers of its own; `bench --help` lists options."

    def run_from_argv(self, argv: list[str]) -> None:
        """The options are those of the benchmarks, so they are not parsed here."""
        command = [sys.executable, "-m", "benchmarks", *argv[2:]]
        env = {**os.environ, "BENCH_CALLER_DIR": str(Path.cwd())}
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env)
        try:
            code = process.wait()
        except KeyboardInterrupt:  # the terminal has sent it to the child too, which ends in order
            process.wait()
            code = _INTERRUPTED
        sys.exit(code)

    def handle(self, *args: Any, **options: Any) -> None:
        """As from the command line, without options; for `call_command`."""
        self.run_from_argv([sys.argv[0], "bench"])
