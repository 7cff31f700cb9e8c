"""`manage.py dlq`: show, reprocess and discard dead letters."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options, Reply, Subcommands
from controlplane.core.console.derived import (
    add_fields,
    add_options,
    add_selection,
    read_options,
)
from controlplane.core.console.options import (
    JSON_HELP,
    add_limit,
    add_wait,
    identifier,
    json_object,
)
from controlplane.core.console.output import (
    EXIT_NOT_FOUND,
    CommandError,
    describe_refusal,
)
from controlplane.core.console.secondlook import Effect
from controlplane.core.errors import DomainError
from controlplane.core.formatting import format_count
from controlplane.core.schema import represent
from controlplane.workspaces.bulk.selection import Selection
from controlplane.workspaces.console import terminal_actor
from dlq import bulk, queries, replays, reprocess
from dlq.discard import check_reason
from dlq.filters import LetterFilter
from dlq.management import tables
from dlq.management.groups import GroupCommands
from dlq.management.replays import ReplayCommands
from dlq.replays import DEFAULT_STAGES
from dlq.schema import (
    Canary,
    Letter,
    LetterAction,
    LetterDetail,
    LetterStats,
    Reprocess,
)
from tasks_app.management.waiting import describe_states, have_all_completed, wait_for_tasks
from tasks_app.queries import in_bounded_time

# What the options were called before.
_ALIASES = {"taskId": "--task", "workflowRunId": "--run"}
_PAST = {"discard": "discarded", "reprocess": "reprocessed"}
_NOTHING = Reply({"matched": 0, "changed": 0, "refusals": []}, ["Nothing matches."])
_EXAMPLES = """\
  manage.py dlq groups                     what fails, the most frequent first
  manage.py dlq acknowledge 3f2a9c0d1b7e4456 --note "the gateway team knows"
  manage.py dlq mute 3f2a9c0d1b7e4456 --for 2d
  manage.py dlq list --status OPEN --category NETWORK --since 24h
  manage.py dlq show 018f6f2e-0000-7000-8000-000000000000
  manage.py dlq reprocess 018f6f2e-0000-7000-8000-000000000000 \\
      --payload @fixed.json --wait
  manage.py dlq reprocess --fingerprint 3f2a9c0d1b7e4456 --canary \\
      --rate-per-second 20 --wait
  manage.py dlq reprocess --category TIMEOUT --dry-run
  manage.py dlq discard --until 30d --reason "older than the campaign"
  manage.py dlq replay 018f6f2e-0000-7000-8000-000000000000 --watch"""


class Command(GroupCommands, ReplayCommands):
    """Changes are audited."""

    help = "List, show, reprocess and discard dead letters; triage groups; watch replays."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = self.add_subcommands(parser)
        listing = subcommands.add(
            "list",
            self._list,
            "List letters that match, newest first.",
            can_watch=True,
            show=tables.show_letters,
        )
        add_options(listing, LetterFilter, skip=("id", "all"), aliases=_ALIASES)
        add_limit(listing)
        subcommands.add(
            "show",
            self._show,
            "Show a letter with the traceback of every attempt.",
            show=tables.show_letter,
        ).add_argument("id", type=identifier, help="id of the letter")
        self.add_groups(subcommands)
        subcommands.add(
            "stats",
            self._stats,
            "Count letters by status, category, type and day.",
            can_watch=True,
            show=tables.show_stats,
        )
        self._add_actions(subcommands)
        self.add_replays(subcommands)

    def _add_actions(self, subcommands: Subcommands) -> None:
        reprocess = subcommands.add(
            "reprocess",
            self._reprocess,
            "Submit the work of open letters again as new tasks.",
            show=tables.show_replay,
            effect=Effect.ENDS,
        )
        discard = subcommands.add(
            "discard",
            self._discard,
            "Close open letters without their work.",
            effect=Effect.ENDS,
            has_reason=True,
        )
        for each in (reprocess, discard):
            add_selection(each, LetterFilter, "open letters", aliases=_ALIASES)
        discard.add_argument(
            "--reason", required=True, help="reason, which is stored in the letter"
        )
        reprocess.add_argument(
            "--payload", metavar="JSON", help=f"replaces the payload: {JSON_HELP}"
        )
        add_fields(reprocess, Reprocess, "max_attempts")
        replays = reprocess.add_argument_group("replays: reprocess in stages, or at a rate")
        replays.add_argument(
            "--canary",
            action="store_true",
            help="begin with small stages; stop if too many of their tasks fail",
        )
        add_fields(replays, LetterAction, "rate_per_second")
        replays.add_argument(
            "--stages",
            type=_stages,
            default=DEFAULT_STAGES,
            help=f"sizes of the stages (default {','.join(map(str, DEFAULT_STAGES))})",
        )
        add_fields(replays, Canary, "max_failure_share")
        add_wait(reprocess, "the new tasks have ended")

    def _list(self, workspace_id: UUID, options: Options) -> Any:
        with in_bounded_time(narrow_by="--since and --until"):
            letters = queries.list_letters(workspace_id, read_options(LetterFilter, options))
            newest = list(letters.defer("attempts").order_by("-id")[: options["limit"]])
        return [represent(Letter, letter, None) for letter in newest]

    def _show(self, workspace_id: UUID, options: Options) -> Any:
        letter = queries.get_letter(workspace_id, options["id"])
        return represent(LetterDetail, letter, None)

    def _stats(self, workspace_id: UUID, options: Options) -> Any:
        return represent(LetterStats, queries.get_letter_stats(workspace_id), None)

    def _discard(self, workspace_id: UUID, options: Options) -> Any:
        selection = self._select(workspace_id, options)
        check_reason(options["reason"])
        if not options["dry_run"] and not self._look(workspace_id, "discard", selection, options):
            return _NOTHING
        return self._act("discard", workspace_id, selection, options, reason=options["reason"])

    def _reprocess(self, workspace_id: UUID, options: Options) -> Any:
        selection = self._select(workspace_id, options)
        payload = options["payload"]
        changes = {
            "payload": None if payload is None else json_object(payload, option="--payload"),
            "max_attempts": options["max_attempts"],
        }
        is_replay = options["canary"] or options["rate_per_second"] is not None
        if options["dry_run"]:
            return self._act("reprocess", workspace_id, selection, options, **changes)
        if not self._look(workspace_id, "reprocess", selection, options):
            if is_replay or options["wait"]:
                raise CommandError("Nothing matches.")
            return _NOTHING
        if options["ids"] and not is_replay:
            return self._reprocess_each(workspace_id, options, changes)
        if is_replay or options["wait"]:
            return self._start_replay(workspace_id, selection, options, changes)
        return self._act("reprocess", workspace_id, selection, options, **changes)

    def _look(self, workspace_id: UUID, action: str, wanted: LetterFilter, options: Options) -> int:
        """How many letters there are, once the person has confirmed them."""
        ids = tuple(map(str, wanted.ids)) if options["ids"] else ()
        selected = Selection(ids=ids, filter={} if ids else wanted.to_json())
        return self.look_at(workspace_id, ("dead-letters", action), selected, options).count

    def _select(self, workspace_id: UUID, options: Options) -> LetterFilter:
        """The given letters: by ids, by filters, or all."""
        selection = read_options(LetterFilter, {**options, "id": options["ids"]})
        if options["ids"]:
            if selection != LetterFilter(ids=selection.ids):
                self.usage("Give ids, filters or --all: one of the three.")
            known = queries.list_letters(workspace_id, selection).values_list("id", flat=True)
            missing = [str(each) for each in sorted(set(selection.ids) - set(known))]
            if missing:
                raise CommandError(
                    f"There is no dead letter {', '.join(missing)}.", returncode=EXIT_NOT_FOUND
                )
        if selection.is_empty:
            self.usage("Name the letters: ids, filters such as --category NETWORK, or --all.")
        return selection

    def _act(
        self,
        action: str,
        workspace_id: UUID,
        selection: LetterFilter,
        options: Options,
        **changes: Any,
    ) -> Any:
        reply, results = self.act(
            action,
            _PAST[action],
            "letter",
            lambda: bulk.act_on_letters(
                workspace_id=workspace_id,
                action=action,
                letter_filter=selection,
                actor=terminal_actor(),
                dry_run=options["dry_run"],
                **changes,
            ),
            dry_run=options["dry_run"],
        )
        refusals = {why: letter for each in results for why, letter in each.refusals.items()}
        reply.body["refusals"] = [
            {"reason": why, "letterId": letter} for why, letter in refusals.items()
        ]
        unchanged = max(reply.body["matched"], len(selection.ids)) - reply.body["changed"]
        if unchanged and not options["dry_run"]:
            lines = [f"{letter}: {why}" for why, letter in refusals.items()]
            raise CommandError(*lines, f"{unchanged} could not be changed.", body=reply)
        return reply

    def _reprocess_each(self, workspace_id: UUID, options: Options, changes: dict[str, Any]) -> Any:
        """Process each letter by itself: a refusal is reported, and does not stop the others."""
        tasks: dict[UUID, UUID | None] = {}
        refused: dict[UUID, str] = {}
        for each in dict.fromkeys(options["ids"]):
            try:
                letter = reprocess.reprocess_letter(
                    workspace_id=workspace_id, letter_id=each, actor=terminal_actor(), **changes
                )
            except DomainError as error:
                refused[each] = "; ".join(describe_refusal(error))
            else:
                tasks[each] = letter.reprocessed_task_id
        self.say(*(f"{letter} → task {task}" for letter, task in tasks.items()))
        body: dict[str, Any] = {
            "reprocessed": [{"letterId": k, "taskId": v} for k, v in tasks.items()],
            "refused": [{"letterId": k, "reason": v} for k, v in refused.items()],
        }
        problems = [f"{letter}: {reason}" for letter, reason in refused.items()]
        new = [task for task in tasks.values() if task]
        if options["wait"] and new:
            states = wait_for_tasks(self, workspace_id, new, seconds=options["wait_timeout"])
            self.say(describe_states(states))
            body["states"] = states
            if not (problems or have_all_completed(states)):
                problems = [describe_states(states)]
        if problems:
            raise CommandError(*problems, body=Reply(body, ()))
        return Reply(body, ())

    def _start_replay(
        self, workspace_id: UUID, selection: LetterFilter, options: Options, changes: dict[str, Any]
    ) -> Any:
        replay = replays.start_replay(
            workspace_id=workspace_id,
            letter_filter=selection,
            actor=terminal_actor(),
            rate_per_second=options["rate_per_second"],
            stages=options["stages"] if options["canary"] else (),
            max_failure_share=options["max_failure_share"],
            **changes,
        )
        if options["wait"]:
            return self.watch_replay(workspace_id, replay.id, options["wait_timeout"])
        watch = f"watch them with `manage.py dlq replay {replay.id} --watch`."
        return Reply(
            {"replayId": replay.id, "matched": replay.matched},
            [str(replay.id), f"{format_count(replay.matched, 'letter')}; {watch}"],
        )


def _stages(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise ArgumentTypeError(f"{text!r} is not a list of numbers such as 5,50")
    return sizes
