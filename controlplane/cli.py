"""The entry point of `manage.py`: Django's command line, with one sentence for a user's mistake.

Exit codes: those of the command; 2 when a setting is wrong or a server is missing.
"""

import gc
import os
import subprocess
import sys
from pathlib import Path

from controlplane.embedded.home import EmbeddedError

DEFAULT_SETTINGS = "controlplane.settings"
COMPONENTS = {"serve": "app", "worker": "worker", "dispatch": "dispatch", "autoscale": "autoscale"}
# They serve no page, so they do without the packages of pages: a third of their start.
CONSOLE = {
    "apikeys", "audit", "cron", "demo", "dlq", "enqueue", "export", "members", "nodes",
    "operations", "queues", "restored", "scaling", "simulate_scaling", "stress", "tasks", "top",
    "types", "undo", "views", "workflows",
}  # fmt: skip
# These wait for a database that comes back, so whether there is one is checked first.
LONG_RUNNING = {*COMPONENTS, "runserver"}
STARTS_SERVERS = "up"
EXIT_CONFIGURATION = 2
_INTERRUPTED = 130
_PROJECT = Path(__file__).resolve().parent.parent
# What is imported stays: to look through it again and again is a third of a start.
_GC_THRESHOLD = 200_000


def main(argv: list[str]) -> int:
    """Run one command. Returns its exit code (2: a setting is wrong or a server is missing)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", DEFAULT_SETTINGS)
    command = argv[1] if len(argv) > 1 else ""
    if command == "bench":  # it has settings of its own
        return run_benchmarks(argv[2:])
    if command in COMPONENTS:
        os.environ["TASKPLANE_COMPONENT"] = COMPONENTS[command]
    elif command in CONSOLE:
        os.environ["TASKPLANE_COMPONENT"] = "console"
    usual = gc.get_threshold()
    gc.set_threshold(_GC_THRESHOLD)
    from django.core.exceptions import ImproperlyConfigured
    from django.db.utils import OperationalError

    try:
        if command in LONG_RUNNING and not {"-h", "--help"} & set(argv):
            _require_servers()
        _execute(argv, None if command in CONSOLE else usual)
    except (ImproperlyConfigured, EmbeddedError) as error:
        return _print_error(error)
    except OperationalError:
        # A database that was not started is one sentence; anything else is worth a traceback.
        if command != STARTS_SERVERS:
            _explain_missing_servers()
        raise
    finally:
        gc.freeze()  # the process ends: its last collection would only cost time
    return 0


def _execute(argv: list[str], threshold: tuple[int, int, int] | None) -> None:
    """Run the command. With a threshold, garbage is collected as usual from when it was loaded."""
    from django.core.management import BaseCommand, ManagementUtility

    class Commands(ManagementUtility):
        def fetch_command(self, subcommand: str) -> BaseCommand:
            found = super().fetch_command(subcommand)
            if threshold is not None:
                gc.set_threshold(*threshold)
            return found

    Commands(argv).execute()


def run_benchmarks(options: list[str]) -> int:
    """Run the benchmarks in a process of their own. Returns its exit code."""
    command = [sys.executable, "-m", "benchmarks", *options]
    env = {**os.environ, "BENCH_CALLER_DIR": str(Path.cwd())}
    process = subprocess.Popen(command, cwd=_PROJECT, env=env)
    try:
        return process.wait()
    except KeyboardInterrupt:  # the terminal has sent it to the child too, which ends in order
        process.wait()
        return _INTERRUPTED


def _print_error(error: Exception) -> int:
    from controlplane.core.safetext import safe_text

    print(f"taskplane: {safe_text(error, keep_lines=True)}", file=sys.stderr)
    return EXIT_CONFIGURATION


def _explain_missing_servers() -> None:
    try:
        _require_servers()
    except EmbeddedError as error:
        sys.exit(_print_error(error))


def _require_servers() -> None:
    from django.conf import settings

    from controlplane.embedded import require_running

    if settings.EMBEDDED_POSTGRES or settings.EMBEDDED_VALKEY:
        require_running(postgres=settings.EMBEDDED_POSTGRES, valkey=settings.EMBEDDED_VALKEY)
