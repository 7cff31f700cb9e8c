"""`manage.py scaling`: look at the fleet, its decisions and its configuration, and set them."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any
from uuid import UUID

from controlplane.core.clock import now
from controlplane.core.commands import CommandError
from controlplane.core.console import Table
from controlplane.core.ids import parse_uuid
from scaling.api.event_serializers import EventDetailSerializer, EventSerializer
from scaling.api.serializers import StatusSerializer, represent_configuration
from scaling.configuration import change_configuration
from scaling.decisions import replay_decisions
from scaling.management.telling import tell_event, tell_status
from scaling.overrides import DEFAULT_HOLD_SECONDS, release_override, set_override
from scaling.queries.events import EventFilter, get_event, list_events
from scaling.queries.pool import find_contradiction, get_environment, read_pool
from scaling.queries.status import read_status
from scaling.schema import NAMES_BY_API
from scaling.states import EventState
from tasks_app.management.terminal import (
    EXIT_REFUSED,
    TerminalCommand,
    common_options,
    duration_ms,
    terminal_actor,
    workspace_of,
)

_EXAMPLES = """\
  manage.py scaling status
  manage.py scaling events --state FAILED,TIMED_OUT --since 7d
  manage.py scaling config set maxWorkers=20 objectiveSeconds=30
  manage.py scaling config reset maxWorkers
  manage.py scaling set 8 --reason "The sale begins at noon." --hold 1h
  manage.py scaling replay --since 24h"""
_MOST_SHOWN = 10_000


class Command(TerminalCommand):
    """One verb each."""

    help = "Show the fleet, its decisions and its configuration; scale by hand; replay decisions."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        common = [common_options()]
        verbs.add_parser("status", parents=common, help="workers, the loop, what is wrong")
        events = verbs.add_parser("events", parents=common, help="decisions, newest first")
        events.add_argument("--state", default="", help="comma-separated list")
        events.add_argument(
            "--unchanged", action="store_true", help="include those that changed nothing"
        )
        events.add_argument("--since", type=duration_ms, help="of the last 30m, 24h, 7d")
        events.add_argument("--limit", type=int, default=20, help="how many (default 20)")
        one = verbs.add_parser("event", parents=common, help="one, with all it was decided from")
        one.add_argument("id", type=_event_id)
        config = verbs.add_parser("config", parents=common, help="show or change the values")
        doing = config.add_subparsers(dest="doing")
        setting = doing.add_parser("set", help="name=value, several if you like")
        setting.add_argument("values", nargs="+", type=_assignment, metavar="name=value")
        reset = doing.add_parser("reset", help="back to the environment's value")
        reset.add_argument("names", nargs="+", choices=sorted(NAMES_BY_API), metavar="name")
        order = verbs.add_parser("set", parents=common, help="scale by hand")
        order.add_argument("workers", type=int)
        order.add_argument("--reason", required=True)
        hold = order.add_mutually_exclusive_group()
        hold.add_argument(
            "--hold", type=duration_ms, default=f"{DEFAULT_HOLD_SECONDS}s", help="default 5m"
        )
        hold.add_argument("--until-released", action="store_true", help="without an end")
        verbs.add_parser("release", parents=common, help="let the strategy decide again")
        replay = verbs.add_parser(
            "replay", parents=common, help="decide once more, and compare with the record"
        )
        replay.add_argument("--since", type=duration_ms, default="24h", help="default 24h")

    def run_command(self, options: dict[str, Any]) -> None:
        run = {
            "status": self._status,
            "events": self._events,
            "event": self._event,
            "config": self._config,
            "set": self._order,
            "release": self._release,
            "replay": self._replay,
        }
        run[options["verb"]](options)

    def _status(self, options: dict[str, Any]) -> None:
        status = StatusSerializer(read_status()).data
        if options["json"]:
            self.write_json(status)
        else:
            self.write_lines(tell_status(status))

    def _events(self, options: dict[str, Any]) -> None:
        if not 1 <= options["limit"] <= _MOST_SHOWN:
            self.usage(f"--limit must be from 1 to {_MOST_SHOWN}.")
        states = tuple(state for state in options["state"].upper().split(",") if state)
        if wrong := sorted(set(states) - set(EventState.values)):
            self.usage(f"--state: {wrong[0]} is none of {', '.join(EventState.values)}.")
        since = _before(options["since"]) if options["since"] is not None else None
        wanted = EventFilter(states=states, unchanged=options["unchanged"], since=since)
        events = EventSerializer(list_events(wanted)[: options["limit"]], many=True).data
        if options["json"]:
            self.write_json(events)
            return
        table = Table("at", "state", "workers", "by", "decision", "id")
        for event in events:
            by = event["rule"] if event["trigger"] == "strategy" else event["actor"]["label"]
            change = f"{event['from']} → {event['to']}"
            table.add_row(event["at"], event["state"], change, by, event["sentence"], event["id"])
        self.console().print(table if events else "There is no such event.")

    def _event(self, options: dict[str, Any]) -> None:
        event = EventDetailSerializer(get_event(options["id"])).data
        if options["json"]:
            self.write_json(event)
        else:
            self.write_lines(tell_event(event))

    def _config(self, options: dict[str, Any]) -> None:
        changes: dict[str, Any] = {}
        if options["doing"] == "set":
            changes = dict(options["values"])
        elif options["doing"] == "reset":
            changes = dict.fromkeys(NAMES_BY_API[name] for name in options["names"])
        pool = read_pool()
        if changes:
            pool = change_configuration(
                changes, workspace_id=workspace_of(options), actor=terminal_actor()
            )
        told = represent_configuration(pool)
        contradiction = find_contradiction(pool)
        if options["json"]:
            self.write_json(told)
        else:
            environment = get_environment()
            table = Table("name", "value", "from", "the environment says")
            for api, name in NAMES_BY_API.items():
                own = str(environment[name])
                table.add_row(api, str(told[api]), told["sources"][api], own)
            self.console().print(table)
        if contradiction:
            raise CommandError(contradiction, returncode=EXIT_REFUSED)

    def _order(self, options: dict[str, Any]) -> None:
        event = set_override(
            workers=options["workers"],
            reason=options["reason"],
            hold_seconds=None if options["until_released"] else options["hold"] / 1000,
            workspace_id=workspace_of(options),
            actor=terminal_actor(),
        )
        if options["json"]:
            self.write_json(EventDetailSerializer(event).data)
        else:
            self.write_lines([event.sentence, f"manage.py scaling event {event.id}"])

    def _release(self, options: dict[str, Any]) -> None:
        release_override(workspace_id=workspace_of(options), actor=terminal_actor())
        self._status(options)

    def _replay(self, options: dict[str, Any]) -> None:
        found = replay_decisions(_before(options["since"]))
        if options["json"]:
            differences = [{"id": str(i), "problem": text} for i, text in found.differences]
            self.write_json(
                {
                    "same": found.same,
                    "different": found.different,
                    "undecided": found.undecided,
                    "differences": differences,
                }
            )
        else:
            total = found.same + found.different
            self.stdout.write(f"{found.same} of {total} recorded decisions replay to themselves.")
            for event_id, text in found.differences:
                self.stdout.write(f"{event_id}: {text}")
        if found.different:
            raise CommandError(
                f"{found.different} decisions come out otherwise: was the release changed since?",
                returncode=EXIT_REFUSED,
            )


def _before(milliseconds: int) -> Any:
    return now() - timedelta(milliseconds=milliseconds)


def _event_id(text: str) -> UUID:
    try:
        return parse_uuid(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a scaling event's id") from None


def _assignment(text: str) -> tuple[str, Any]:
    """`maxWorkers=20` as the configuration's name and the value."""
    api, sign, value = text.partition("=")
    if not sign or api not in NAMES_BY_API:
        raise ArgumentTypeError(f"{text!r} is not name=value; names: {', '.join(NAMES_BY_API)}")
    try:
        return NAMES_BY_API[api], json.loads(value)
    except ValueError:
        return NAMES_BY_API[api], value
