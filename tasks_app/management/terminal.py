"""What the commands have in common: exit codes, options, output for people and for scripts."""

import getpass
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

from django.conf import settings

from controlplane.core.commands import CommandError, SafeCommand
from controlplane.core.console import Console, Progress, make_progress
from controlplane.core.errors import DomainError, Invalid, NotFound
from controlplane.core.ids import parse_uuid
from controlplane.core.strictjson import parse_json
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.selectors import get_workspace
from controlplane.workspaces.states import DEFAULT_WORKSPACE, ActorKind, Role
from tasks_app.selectors import get_states
from tasks_app.states import FINAL

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_NOT_FOUND = 3
EXIT_TIMEOUT = 4
EXIT_CODES = (
    "Exit codes: 0 done; 1 failed or refused; 2 wrong options; 3 not found; 4 timed out waiting."
)
_POLL_SECONDS = 0.1
_AT_ONCE = 1_000
_WIDE = 200
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class TerminalCommand(SafeCommand):
    """A command whose errors are one sentence and whose exit codes mean something. `examples` are
    lines to paste, each with what it is for."""

    # They import every page of the admin and of the API; `manage.py check` runs them.
    requires_system_checks = []
    examples: str = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """With examples and the exit codes in the help."""
        parser = super().create_parser(prog_name, subcommand, epilog=EXIT_CODES, **kwargs)
        if self.examples:
            parser.epilog = f"Examples:\n{self.examples}\n\n{EXIT_CODES}"
            parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the command; what a service refuses becomes a sentence and an exit code."""
        try:
            self.run_command(options)
        except NotFound as error:
            raise CommandError(str(error), returncode=EXIT_NOT_FOUND) from error
        except DomainError as error:
            lines = [f"{e['field']}: {e['message']}" for e in error.errors] or [str(error)]
            raise CommandError(*lines, returncode=EXIT_REFUSED) from error

    def run_command(self, options: dict[str, Any]) -> None:
        """What the command does. Raises DomainError, CommandError."""
        raise CommandError("This command does nothing.")

    def console(self, *, for_errors: bool = False) -> Console:
        """For people: tables on stdout, progress on stderr."""
        out = (self.stderr if for_errors else self.stdout).raw  # it makes its texts safe itself
        # A pipe or a file has no width: then nothing is cut off.
        return Console(file=out, width=None if out.isatty() else _WIDE)

    def usage(self, message: str) -> NoReturn:
        """Refuse options that do not fit together."""
        raise CommandError(message, returncode=EXIT_USAGE)


def id_option(text: str) -> UUID:
    """An option's value as an id. Raises ArgumentTypeError."""
    try:
        return parse_uuid(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not an id") from None


def common_options() -> ArgumentParser:
    """A parent parser: --workspace and --json."""
    parser = ArgumentParser(add_help=False)
    add_common_options(parser)
    return parser


def add_common_options(parser: ArgumentParser) -> None:
    """--workspace and --json."""
    parser.add_argument("--workspace", default=DEFAULT_WORKSPACE, help="workspace slug")
    parser.add_argument("--json", action="store_true", help="print JSON")


def workspace_of(options: dict[str, Any]) -> UUID:
    """The id of the workspace that the options name. Raises NotFound."""
    return get_workspace(options["workspace"]).id


def terminal_actor() -> Actor:
    """Whoever may run commands on this machine is the system's operator; the log says who."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        name = "somebody"
    return Actor(ActorKind.SYSTEM.value, "", f"{name} at the command line", Role.ADMIN)


def task_id(text: str) -> UUID:
    """An option's value as an id."""
    try:
        return parse_uuid(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a task's id") from None


def duration_ms(text: str) -> int:
    """`1500`, `1500ms`, `30s`, `5m`, `2h`, `1d` in milliseconds."""
    number = text.rstrip("msdh")
    try:
        return round(float(number) * _UNITS_MS[text[len(number) :] or "ms"])
    except (ValueError, KeyError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is not a duration such as 500ms, 30s, 5m, 2h") from None


def read_json(text: str, what: str, *, is_inline: bool = False, extra_depth: int = 0) -> Any:
    """The JSON of a file, or of the standard input for `-`; inline a text, or a file after `@`.
    `extra_depth` is as `parse_json` takes it.

    Raises CommandError with the exit code of wrong options.
    """
    try:
        if text == "-":
            body = sys.stdin.read().encode()
        elif is_inline and not text.startswith("@"):
            body = text.encode()
        else:
            body = Path(text.removeprefix("@") if is_inline else text).read_bytes()
        depth = settings.TASKPLANE["JSON_MAX_DEPTH"]
        return parse_json(body, max_depth=depth, extra_depth=extra_depth)
    except (OSError, ValueError, Invalid) as error:
        reason = str(error).replace("The body", "It", 1)
        raise CommandError(f"{what} cannot be read: {reason}", returncode=EXIT_USAGE) from error


def json_object(text: str, *, option: str) -> dict[str, Any]:
    """An option's value as a JSON object, as `read_json` reads it inline. Raises CommandError."""
    value = read_json(text, option, is_inline=True)
    if not isinstance(value, dict):
        raise CommandError(f"{option} must be a JSON object.", returncode=EXIT_USAGE)
    return value


def count_of(number: int, noun: str) -> str:
    """`1 task`, `2,000 tasks`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


DONE = {
    "cancel": "cancelled",
    "discard": "discarded",
    "reprocess": "reprocessed",
    "retry": "retried",
}


def summarize_action(verb: str, noun: str, *, matched: int, changed: int, dry_run: bool) -> str:
    """What a bulk action did, or would do."""
    if dry_run:
        return f"Dry run: would {verb} {count_of(matched, noun)}."
    return f"{DONE[verb].capitalize()} {changed:,} of {count_of(matched, noun)}."


def progress_bar(console: Console) -> Progress:
    """A bar that is drawn only on a terminal."""
    return make_progress(console, disable=not sys.stderr.isatty())


def wait_for_tasks(
    workspace_id: UUID,
    ids: Sequence[UUID],
    *,
    seconds: float,
    tell: Callable[[int, Counter[str]], None],
) -> Counter[str]:
    """Wait until all have ended; how many in which state. `tell` gets how many, and all states.

    Raises CommandError after `seconds`.
    """
    give_up = time.monotonic() + seconds
    open_ids = list(ids)
    ended: Counter[str] = Counter()
    while True:
        now_open: list[UUID] = []
        states: Counter[str] = Counter()
        for start in range(0, len(open_ids), _AT_ONCE):
            chunk = open_ids[start : start + _AT_ONCE]
            found = get_states(workspace_id, chunk)
            for each in chunk:
                state = found.get(each, "REMOVED")
                if state in FINAL or state == "REMOVED":
                    ended[state] += 1
                else:
                    states[state] += 1
                    now_open.append(each)
        open_ids = now_open
        tell(len(ids) - len(open_ids), ended + states)
        if not open_ids:
            return ended
        if time.monotonic() > give_up:
            waiting = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
            raise CommandError(
                f"Waited {seconds:g} s; not ended yet: {waiting}. "
                f"`manage.py tasks show {open_ids[0]}` says why.",
                returncode=EXIT_TIMEOUT,
            )
        time.sleep(_POLL_SECONDS)
