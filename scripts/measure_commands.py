"""`scripts/measure-commands`: the CPU time of every command's start."""

import os
import sys
from pathlib import Path

LIMIT_SECONDS = 1.0
_RUNS = 3
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


def measure(arguments: list[str]) -> tuple[float, int]:
    """The least CPU seconds of some runs, and the exit code of the last."""
    return min(_run(arguments) for _ in range(_RUNS))


def _run(arguments: list[str]) -> tuple[float, int]:
    quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    command = [sys.executable, "manage.py", *arguments]
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
    print(f"{'command':<18}{'--help':>8}  a call that reads")
    for name in sys.argv[1:] or list_commands():
        seconds, _ = measure([name, "--help"])
        row = f"{name:<18}{seconds:>7.2f}s"
        if name in CALLS:
            called, code = measure([name, *CALLS[name]])
            note = "" if code == 0 else f" (exit code {code})"
            row += f"{called:>7.2f}s {' '.join(CALLS[name])}{note}"
            seconds = max(seconds, called)
        slowest = max(slowest, seconds)
        print(row, flush=True)
    print(f"The slowest takes {slowest:.2f} s of CPU; the limit is {LIMIT_SECONDS:g} s.")
    return int(slowest >= LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
