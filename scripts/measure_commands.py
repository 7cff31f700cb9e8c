"""`scripts/measure-commands`: the CPU time of every command's start."""

import os
import sys
from pathlib import Path

LIMIT_SECONDS = 1.0
_RUNS = 5
_ROOT = Path(__file__).resolve().parent.parent
# A call that only reads, of each command that has one.
CALLS = {
    "apikeys": ["list"],
    "cron": ["list"],
    "dlq": ["groups"],
    "nodes": ["list"],
    "operations": ["list"],
    "queues": ["list"],
    "scaling": ["status"],
    "stress": ["list"],
    "tasks": ["list"],
    "top": ["--once"],
    "workflows": ["list"],
}


# What no command of a Django project on Postgres can do without. The same processor can be three
# times slower while a neighbour uses the other half of its core: this row says how fast it is now.
_DJANGO_ALONE = """
import django
from django.conf import settings
apps = ["admin", "auth", "contenttypes", "messages", "sessions"]
database = {"ENGINE": "django.db.backends.postgresql"}
installed = [f"django.contrib.{app}" for app in apps]
settings.configure(INSTALLED_APPS=installed, DATABASES={"default": database})
django.setup()
"""


def measure(arguments: list[str]) -> tuple[float, int]:
    """The least CPU seconds of some runs of Python, and the exit code of the last."""
    return min(_run(arguments) for _ in range(_RUNS))


def _run(arguments: list[str]) -> tuple[float, int]:
    quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    command = [sys.executable, *arguments]
    pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=quiet)
    _, status, used = os.wait4(pid, 0)
    return used.ru_utime + used.ru_stime, os.waitstatus_to_exitcode(status)


def list_commands() -> list[str]:
    """Those of this project."""
    found = _ROOT.glob("**/management/commands/[a-z]*.py")
    return sorted(path.stem for path in found if ".venv" not in path.parts)


def main() -> int:
    """Returns the exit code."""
    os.chdir(_ROOT)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as after an installation
    slowest = 0.0
    alone, _ = measure(["-c", _DJANGO_ALONE])
    print(f"{'command':<18}{'--help':>8}  a call that reads")
    print(f"{'(only Django)':<18}{alone:>7.2f}s", flush=True)
    for name in sys.argv[1:] or list_commands():
        seconds, _ = measure(["manage.py", name, "--help"])
        row = f"{name:<18}{seconds:>7.2f}s"
        if name in CALLS:
            called, code = measure(["manage.py", name, *CALLS[name]])
            note = "" if code == 0 else f" (exit code {code})"
            row += f"{called:>7.2f}s {' '.join(CALLS[name])}{note}"
            seconds = max(seconds, called)
        slowest = max(slowest, seconds)
        print(row, flush=True)
    print(f"The slowest takes {slowest:.2f} s of CPU; the limit is {LIMIT_SECONDS:g} s.")
    print(f"Django alone takes {alone:.2f} s of it on this machine now.")
    return int(slowest >= LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
