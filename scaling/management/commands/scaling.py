"""`manage.py scaling`: show and change the fleet and its configuration, and show its decisions."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options, Reply, Subcommands
from controlplane.core.console.derived import add_options, read_options
from controlplane.core.console.options import (
    TIME_HELP,
    add_limit,
    duration_seconds,
    identifier,
    time_or_age,
)
from controlplane.core.console.output import CommandError
from controlplane.core.console.secondlook import Effect
from controlplane.core.schema import represent
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from scaling.decisions import replay_decisions
from scaling.management import tables
from scaling.queries.events import EventFilter, get_event, list_events
from scaling.queries.pool import (
    describe_configuration,
    find_contradiction,
    get_environment,
    read_pool,
)
from scaling.queries.status import read_status
from scaling.resources import Event, EventDetail, ScalingConfiguration, Status
from scaling.schema import DEFAULT_HOLD_SECONDS, NAMES_BY_API
from scaling.undo import configure_with_undo, release_with_undo, scale_with_undo

_EXAMPLES = """\
  manage.py scaling status
  manage.py scaling events --state FAILED,TIMED_OUT --since 7d
  manage.py scaling config set maxWorkers=20 objectiveSeconds=30
  manage.py scaling config reset maxWorkers
  manage.py scaling set 8 --reason "The sale begins at noon." --hold-seconds 1h
  manage.py scaling replay --since 24h"""


class Command(WorkspaceCommand):
    """The fleet serves all workspaces; a change is audited in the given workspace."""

    help = "Show the fleet, its decisions and its configuration; scale by hand; replay decisions."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = self.add_subcommands(parser)
        add = subcommands.add
        add(
            "status",
            self._status,
            "Show workers, the loop, and problems.",
            can_watch=True,
            show=tables.show_status,
        )
        events = add(
            "events",
            self._events,
            "List decisions, newest first.",
            can_watch=True,
            show=tables.show_events,
        )
        add_options(events, EventFilter)
        add_limit(events)
        event = add(
            "event", self._event, "Show a decision with its inputs.", show=tables.show_event
        )
        event.add_argument("id", type=identifier, help="id of the scaling event")
        self._add_configuration(subcommands)
        self._add_override(subcommands)
        replay = add(
            "replay", self._replay, "Compute recorded decisions again, and compare the results."
        )
        replay.add_argument(
            "--since",
            type=time_or_age,
            default="24h",
            metavar="TIME",
            help=f"decided since: {TIME_HELP} (default %(default)s)",
        )

    def _add_override(self, subcommands: Subcommands) -> None:
        add = subcommands.add
        override = add(
            "set",
            self._set,
            "Set the number of workers by hand.",
            effect=Effect.UNDONE,
            has_reason=True,
        )
        override.add_argument("workers", type=int, help="number of workers")
        override.add_argument(
            "--reason", required=True, help="reason, which is stored in the event"
        )
        hold = override.add_mutually_exclusive_group()
        hold.add_argument(
            "--hold-seconds",
            "--hold",
            type=duration_seconds,
            default=DEFAULT_HOLD_SECONDS,
            metavar="DURATION",
            help="duration of the override: 90 (seconds), 5m, 1h (default 5m)",
        )
        hold.add_argument("--until-released", action="store_true", help="until `scaling release`")
        add(
            "release",
            self._release,
            "Let the strategy decide again.",
            show=tables.show_status,
            effect=Effect.UNDONE,
        )

    def _add_configuration(self, subcommands: Subcommands) -> None:
        config = subcommands.add("config", self._show_config, "Show or change the configuration.")
        nested = subcommands.nest(config)
        setting = nested.add("set", self._set_config, "Set values.", effect=Effect.UNDONE)
        setting.add_argument(
            "values",
            nargs="+",
            type=_assignment,
            metavar="name=value",
            help="such as maxWorkers=20",
        )
        reset = nested.add(
            "reset",
            self._reset_config,
            "Reset to the environment's values.",
            effect=Effect.UNDONE,
        )
        reset.add_argument(
            "names",
            nargs="+",
            choices=sorted(NAMES_BY_API),
            metavar="name",
            help="such as maxWorkers",
        )

    def _status(self, workspace_id: UUID, options: Options) -> Any:
        return represent(Status, read_status(), None)

    def _events(self, workspace_id: UUID, options: Options) -> Any:
        events = list_events(read_options(EventFilter, options))[: options["limit"]]
        return [represent(Event, event, None) for event in events]

    def _event(self, workspace_id: UUID, options: Options) -> Any:
        return represent(EventDetail, get_event(options["id"]), None)

    def _show_config(self, workspace_id: UUID, options: Options) -> Any:
        return self._describe_config(read_pool())

    def _set_config(self, workspace_id: UUID, options: Options) -> Any:
        return self._change_config(workspace_id, dict(options["values"]))

    def _reset_config(self, workspace_id: UUID, options: Options) -> Any:
        names = [NAMES_BY_API[name] for name in options["names"]]
        return self._change_config(workspace_id, dict.fromkeys(names))

    def _change_config(self, workspace_id: UUID, changes: dict[str, Any]) -> Any:
        pool, undone = configure_with_undo(
            changes, workspace_id=workspace_id, actor=terminal_actor()
        )
        if undone is not None:
            self.offer_undo("scaling-configuration", undone)
        return self._describe_config(pool)

    def _describe_config(self, pool: Any) -> Any:
        """The values. Raises CommandError if they contradict each other."""
        configuration = represent(ScalingConfiguration, describe_configuration(pool), None)
        if not self.is_json:
            values = get_environment()
            environment = {api: values[name] for api, name in NAMES_BY_API.items()}
            tables.show_configuration(self.console(), configuration, environment)
        reply = Reply(configuration, ())
        contradiction = find_contradiction(pool)
        if contradiction:
            raise CommandError(contradiction, body=reply)
        return reply

    def _set(self, workspace_id: UUID, options: Options) -> Any:
        event, undone = scale_with_undo(
            workers=options["workers"],
            reason=options["reason"],
            hold_seconds=None if options["until_released"] else options["hold_seconds"],
            workspace_id=workspace_id,
            actor=terminal_actor(),
        )
        self.offer_undo("scaling-override", undone)
        lines = [event.sentence, f"manage.py scaling event {event.id}"]
        return Reply(represent(EventDetail, event, None), lines)

    def _release(self, workspace_id: UUID, options: Options) -> Any:
        undone = release_with_undo(workspace_id=workspace_id, actor=terminal_actor())
        if undone is not None:
            self.offer_undo("scaling-override", undone)
        return self._status(workspace_id, options)

    def _replay(self, workspace_id: UUID, options: Options) -> Any:
        result = replay_decisions(options["since"])
        body = {
            "same": result.same,
            "different": result.different,
            "undecided": result.undecided,
            "differences": [
                {"id": str(event), "problem": text} for event, text in result.differences
            ],
        }
        total = result.same + result.different
        lines = [f"{result.same} of {total} recorded decisions have the same result."]
        lines += [f"{event}: {text}" for event, text in result.differences]
        reply = Reply(body, lines)
        if result.different:
            raise CommandError(
                f"{result.different} decisions differ: check whether the release has changed.",
                body=reply,
            )
        return reply


def _assignment(text: str) -> tuple[str, Any]:
    """`maxWorkers=20` as the configuration's name and the value."""
    api, sign, value = text.partition("=")
    if not sign or api not in NAMES_BY_API:
        raise ArgumentTypeError(f"{text!r} is not name=value; names: {', '.join(NAMES_BY_API)}")
    try:
        return NAMES_BY_API[api], json.loads(value)
    except ValueError:
        return NAMES_BY_API[api], value
