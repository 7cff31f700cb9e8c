"""The options of `manage.py dlq`, and the filter that they stand for."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from controlplane.core.clock import now, utc_z
from dlq.filters import LetterFilter, letter_filter_of_body
from dlq.replays import DEFAULT_FAILURE_SHARE, DEFAULT_STAGES
from tasks_app.filters import split_values
from tasks_app.management.terminal import common_options, duration_ms, id_option

EXAMPLES = """\
  manage.py dlq groups                                   what fails, the most frequent first
  manage.py dlq list --status OPEN --category NETWORK --since 24h
  manage.py dlq show 018f6f2e-0000-7000-8000-000000000000
  manage.py dlq reprocess 018f6f2e-0000-7000-8000-000000000000 --payload @fixed.json --wait
  manage.py dlq reprocess --fingerprint 3f2a9c0d1b7e4456 --canary --rate 20 --wait
  manage.py dlq reprocess --category TIMEOUT --dry-run
  manage.py dlq discard --until 30d --reason "older than the campaign"
  manage.py dlq replay 018f6f2e-0000-7000-8000-000000000000 --watch"""
_FILTERS = {
    "status": "status",
    "category": "category",
    "type": "type",
    "queue": "queue",
    "fingerprint": "fingerprint",
    "task": "taskId",
    "run": "workflowRunId",
    "search": "search",
    "since": "since",
    "until": "until",
}


def add_verbs(parser: ArgumentParser) -> None:
    """The verbs and what each takes."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser(
        "list", parents=[common_options(), _filter_options()], help="those that died last"
    )
    listing.add_argument("--limit", type=int, default=20, help="how many (default 20)")
    show = verbs.add_parser(
        "show", parents=[common_options()], help="one, with every attempt's traceback"
    )
    show.add_argument("id", type=id_option)
    verbs.add_parser("groups", parents=[common_options()], help="open letters by their failure")
    verbs.add_parser("stats", parents=[common_options()], help="counts by category, type and day")
    _add_actions(verbs)
    replays = verbs.add_parser("replays", parents=[common_options()], help="the newest replays")
    replays.add_argument("--limit", type=int, default=20, help="how many (default 20)")
    replay = verbs.add_parser("replay", parents=[common_options()], help="one, with its report")
    replay.add_argument("id", type=id_option)
    replay.add_argument("--watch", action="store_true", help="until it has ended")
    replay.add_argument(
        "--wait-timeout", type=float, default=3_600, metavar="SECONDS", help="default 3600"
    )
    cancel = verbs.add_parser(
        "cancel-replay", parents=[common_options()], help="submit no more of it"
    )
    cancel.add_argument("id", type=id_option)


def _add_actions(verbs: Any) -> None:
    both = _action_options()
    reprocess = verbs.add_parser(
        "reprocess",
        parents=[common_options(), _filter_options(), both],
        help="submit the work of open letters again",
    )
    reprocess.add_argument(
        "--payload", metavar="JSON", help="instead of the old one; @file reads one, - stdin"
    )
    reprocess.add_argument("--max-attempts", type=int, metavar="N")
    reprocess.add_argument("--rate", type=float, metavar="N", help="as a replay: tasks a second")
    reprocess.add_argument(
        "--canary", action="store_true", help="as a replay: small stages first, stop on failures"
    )
    reprocess.add_argument(
        "--stages",
        type=_stages,
        default=DEFAULT_STAGES,
        help=f"of the canary (default {','.join(map(str, DEFAULT_STAGES))})",
    )
    reprocess.add_argument(
        "--max-failure-share",
        type=float,
        default=DEFAULT_FAILURE_SHARE,
        metavar="SHARE",
        help=f"of a stage, above which it stops: 0 to 1 (default {DEFAULT_FAILURE_SHARE:g})",
    )
    reprocess.add_argument("--wait", action="store_true", help="until the new tasks have ended")
    reprocess.add_argument(
        "--wait-timeout", type=float, default=3_600, metavar="SECONDS", help="default 3600"
    )
    discard = verbs.add_parser(
        "discard",
        parents=[common_options(), _filter_options(), both],
        help="close open letters without doing their work",
    )
    discard.add_argument("--reason", required=True, help="for the record")


def _action_options() -> ArgumentParser:
    parser = ArgumentParser(add_help=False)
    parser.add_argument("ids", nargs="*", type=id_option, metavar="id")
    parser.add_argument("--all", action="store_true", help="every open letter of the workspace")
    parser.add_argument("--dry-run", action="store_true", help="only count them")
    return parser


def _filter_options() -> ArgumentParser:
    parser = ArgumentParser(add_help=False)
    for name in ("status", "category", "type", "queue", "fingerprint"):
        parser.add_argument(f"--{name}", action="append", help="comma-separated list")
    parser.add_argument("--task", action="append", metavar="ID", help="the task that died")
    parser.add_argument("--run", action="append", metavar="ID", help="the run of a workflow")
    parser.add_argument("--search", help="a part of the name, type or message")
    parser.add_argument("--since", type=_time, metavar="TIME", help="2030-01-31T08:00:00Z, or 24h")
    parser.add_argument("--until", type=_time, metavar="TIME", help="as --since: died before")
    return parser


def wanted_of(options: dict[str, Any]) -> LetterFilter:
    """The filter that the options stand for. Raises Invalid."""
    given = {api: options[name] for name, api in _FILTERS.items() if options[name] is not None}
    for name, value in given.items():
        if isinstance(value, list):
            given[name] = split_values(value)
    if options.get("ids"):
        given["id"] = [str(each) for each in options["ids"]]
    if options.get("all"):
        given["all"] = True
    return letter_filter_of_body(given, field="")


def _time(text: str) -> str:
    """A time, or how long ago."""
    if "T" in text or "t" in text:
        return text
    try:
        return utc_z(now() - timedelta(milliseconds=duration_ms(text)))
    except OverflowError:
        raise ArgumentTypeError(f"{text!r} lies too far back") from None


def _stages(text: str) -> tuple[int, ...]:
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 1:
        raise ArgumentTypeError(f"{text!r} is not a list of numbers such as 5,50")
    return found
