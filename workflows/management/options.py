"""The verbs of `manage.py workflows` with their options."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any
from uuid import UUID

from controlplane.core.ids import parse_uuid
from tasks_app.management.terminal import common_options
from workflows.schema.runs import MAX_COMMENT_LENGTH

_MOST_SHOWN = 1_000
_WORKFLOW = "its name or id"


def add_verbs(parser: ArgumentParser) -> None:
    """One parser a verb."""
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name: str, what: str) -> ArgumentParser:
        made: ArgumentParser = verbs.add_parser(name, parents=[common_options()], help=what)
        return made

    listing = verb("list", "the newest workflows")
    listing.add_argument("--search", default="", help="a part of the name")
    _add_limit(listing)
    show = verb("show", "a definition as JSON")
    show.add_argument("workflow", help=_WORKFLOW)
    show.add_argument("--version", type=_number, help="an older one (default: the newest)")
    verb("validate", "check a definition, store nothing").add_argument("file", help=_FILE)
    create = verb("create", "store a workflow")
    create.add_argument("file", help=_FILE)
    create.add_argument("--idempotency-key", help="the same key within 24 h: the same workflow")
    update = verb("update", "store another version; runs keep theirs")
    update.add_argument("workflow", help=_WORKFLOW)
    update.add_argument("file", help=_FILE)
    delete = verb("delete", "take a workflow away; its runs stay")
    delete.add_argument("workflow", help=_WORKFLOW)
    _add_run_verbs(verb)


def _add_run_verbs(verb: Any) -> None:
    execute = verb("execute", "start a run; prints its id")
    execute.add_argument("workflow", help=_WORKFLOW)
    execute.add_argument("--input", default="{}", metavar="JSON", help=_INLINE)
    execute.add_argument("--idempotency-key", help="the same key within 24 h: the same run")
    _add_wait(execute)
    rerun = verb("rerun", "a new run of the newest version with the input of a run")
    rerun.add_argument("run", type=run_id)
    rerun.add_argument("--input", metavar="JSON", help=f"another input: {_INLINE}")
    _add_wait(rerun)
    runs = verb("runs", "the newest runs, of one workflow or of all")
    runs.add_argument("workflow", nargs="?", help=_WORKFLOW)
    runs.add_argument("--status", action="append", help="comma-separated list")
    _add_limit(runs)
    status = verb("status", "a run with its steps, or the newest of a workflow")
    status.add_argument("target", help="the id of a run, or the name or id of a workflow")
    verb("cancel", "stop a run").add_argument("run", type=run_id)
    retry = verb("retry", "go on from what failed or was cancelled")
    retry.add_argument("run", type=run_id)
    _add_wait(retry)
    for name, what in (("approve", "let an approval complete"), ("reject", "let it fail")):
        decide = verb(name, what)
        decide.add_argument("run", type=run_id)
        decide.add_argument("step", help="its key")
        decide.add_argument("--comment", default="", type=_comment)


def run_id(text: str) -> UUID:
    """An option's value as an id."""
    try:
        return parse_uuid(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a run's id") from None


def _add_limit(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=_limit, default=20, help="how many (default 20)")


def _add_wait(parser: ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="until the run has ended")
    parser.add_argument(
        "--wait-timeout", type=float, default=3_600, metavar="SECONDS", help="default 3600"
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10):
        raise ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _limit(text: str) -> int:
    if not 1 <= _number(text) <= _MOST_SHOWN:
        raise ArgumentTypeError(f"must be from 1 to {_MOST_SHOWN}")
    return int(text)


def _comment(text: str) -> str:
    if len(text) > MAX_COMMENT_LENGTH:
        raise ArgumentTypeError(f"at most {MAX_COMMENT_LENGTH} characters")
    return text


_FILE = "a file with the definition as JSON, - is stdin"
_INLINE = "JSON; @file reads a file, - stdin"
