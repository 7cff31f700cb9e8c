"""The subcommands of groups of dead letters."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from controlplane.core.clock import now
from controlplane.core.console.command import Options, Subcommands
from controlplane.core.console.derived import add_options, read_options
from controlplane.core.console.options import add_limit, duration_ms, time, whole_number
from controlplane.core.console.secondlook import Effect
from controlplane.core.schema import represent
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from dlq import groups
from dlq.filters import GroupFilter
from dlq.groupdetail import describe_group
from dlq.groups import Decision
from dlq.groupschema import LetterGroup, LetterGroupDetail
from dlq.management import tables
from dlq.models import LetterGroup as GroupRow
from dlq.queries.groups import describe_groups, find_group, list_letter_groups
from dlq.states import GroupState
from dlq.undo import KIND, decide_with_undo
from tasks_app.queries import in_bounded_time

_STATES = {
    "acknowledge": (GroupState.ACKNOWLEDGED, "Say that somebody looks after a group."),
    "reopen": (GroupState.OPEN, "Open a group again."),
    "resolve": (GroupState.RESOLVED, "Close a group without an open letter."),
}


class GroupCommands(WorkspaceCommand):
    """Lists groups, shows one, and writes what people decide about it."""

    def add_groups(self, subcommands: Subcommands) -> None:
        """Declare the subcommands."""
        listing = subcommands.add(
            "groups",
            self._groups,
            "List groups of equal failures, the largest first.",
            can_watch=True,
            show=tables.show_groups,
        )
        add_options(listing, GroupFilter)
        add_limit(listing)
        show = subcommands.add(
            "show-group",
            self._show_group,
            "Show a group with what changed before it began.",
            can_watch=True,
            show=tables.show_group,
        )
        _add_group(show)
        decides: dict[str, Any] = {"show": tables.show_decision, "effect": Effect.UNDONE}
        for name, (state, summary) in _STATES.items():
            parser = subcommands.add(name, self._decide, summary, **decides)
            _add_decision(parser).set_defaults(state=state.value)
        mute = subcommands.add("mute", self._decide, "Hide a group for some time.", **decides)
        _add_decision(mute).set_defaults(state=GroupState.MUTED.value)
        end = mute.add_mutually_exclusive_group()
        end.add_argument("--until", dest="muted_until", type=time, help="when the mute ends")
        end.add_argument(
            "--for", dest="muted_until", type=_from_now, metavar="DURATION", help="such as 2h or 7d"
        )
        mute.add_argument(
            "--above",
            dest="muted_above",
            type=whole_number(1, 10**12),
            metavar="N",
            help="end the mute with more open letters than this",
        )
        assign = subcommands.add("assign", self._decide, "Give a group an owner.", **decides)
        _add_decision(assign).add_argument("owner", help="user name, or `nobody`")
        ticket = subcommands.add("ticket", self._decide, "Set the ticket of a group.", **decides)
        _add_decision(ticket).add_argument(
            "ticket", metavar="url", help="address of the ticket, or `none`"
        )
        note = subcommands.add(
            "note",
            self._note,
            "Write a note about a group.",
            show=tables.show_decision,
            effect=Effect.MAKES,
        )
        _add_group(note)
        note.add_argument("note", help="text of the note")

    def _groups(self, workspace_id: UUID, options: Options) -> Any:
        with in_bounded_time(narrow_by="--state and --type"):
            rows = list_letter_groups(workspace_id, read_options(GroupFilter, options))
            views = describe_groups(list(rows.order_by("-letters", "-id")[: options["limit"]]))
        views.sort(key=lambda view: view.count, reverse=True)
        return [represent(LetterGroup, view, None) for view in views]

    def _show_group(self, workspace_id: UUID, options: Options) -> Any:
        group = find_group(workspace_id, options["fingerprint"], options["type"])
        return represent(LetterGroupDetail, describe_group(group, None), None)

    def _decide(self, workspace_id: UUID, options: Options) -> Any:
        after, undone = self._change(workspace_id, options)
        if undone is not None:
            self.offer_undo(KIND, undone)
        return represent(LetterGroup, describe_groups([after])[0], None)

    def _note(self, workspace_id: UUID, options: Options) -> Any:
        after, _ = self._change(workspace_id, options)
        return represent(LetterGroup, describe_groups([after])[0], None)

    def _change(
        self, workspace_id: UUID, options: Options
    ) -> tuple[GroupRow, dict[str, Any] | None]:
        """The group, and what undoes the change."""
        group = find_group(workspace_id, options["fingerprint"], options["type"])
        owner = options.get("owner", groups.KEPT)
        ticket = options.get("ticket", groups.KEPT)
        return decide_with_undo(
            workspace_id=workspace_id,
            group_id=group.id,
            decision=Decision(
                state=options.get("state"),
                owner=None if owner == "nobody" else owner,
                ticket="" if ticket == "none" else ticket,
                muted_until=options.get("muted_until"),
                muted_above=options.get("muted_above"),
                note=options.get("note") or "",
            ),
            actor=terminal_actor(),
        )


def _add_group(parser: ArgumentParser) -> None:
    parser.add_argument("fingerprint", help="fingerprint of the group")
    parser.add_argument("--type", help="task type, if several types fail like this")


def _add_decision(parser: ArgumentParser) -> ArgumentParser:
    _add_group(parser)
    parser.add_argument("--note", help="note that is added")
    return parser


def _from_now(text: str) -> datetime:
    try:
        return now() + timedelta(milliseconds=duration_ms(text))
    except OverflowError:
        raise ArgumentTypeError(f"{text!r} is too long") from None
