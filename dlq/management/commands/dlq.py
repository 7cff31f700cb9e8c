"""`manage.py dlq`: look at dead letters, reprocess and discard them."""

import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any
from uuid import UUID

from controlplane.core.commands import CommandError
from controlplane.core.errors import DomainError
from controlplane.core.schema import represent
from dlq import bulk, queries, replays, reprocess
from dlq.filters import LetterFilter
from dlq.management import printing
from dlq.management.options import EXAMPLES, add_verbs, wanted_of
from dlq.schema import Group, Letter, LetterDetail, LetterStats, Replay, ReplayDetail
from dlq.states import ReplayState
from tasks_app.management.terminal import (
    EXIT_NOT_FOUND,
    EXIT_REFUSED,
    EXIT_TIMEOUT,
    TerminalCommand,
    json_object,
    progress_bar,
    summarize_action,
    terminal_actor,
    wait_for_tasks,
    workspace_of,
)
from tasks_app.selectors import in_bounded_time

_MOST_SHOWN = 10_000
_POLL_SECONDS = 0.5


class Command(TerminalCommand):
    """One verb each."""

    help = "List, show, reprocess and discard dead letters; watch and cancel replays."
    examples = EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_verbs(parser)

    def run_command(self, options: dict[str, Any]) -> None:
        run = {
            "list": self._list,
            "show": self._show,
            "groups": self._groups,
            "stats": self._stats,
            "reprocess": self._reprocess,
            "discard": self._discard,
            "replays": self._replays,
            "replay": self._replay,
            "cancel-replay": self._cancel_replay,
        }[options["verb"]]
        run(workspace_of(options), options)

    def _list(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        limit = self._limit(options)
        with in_bounded_time(narrow_by="--since and --until"):
            letters = queries.list_letters(workspace_id, wanted_of(options))
            found = list(letters.defer("attempts").order_by("-id")[:limit])
        self._tell(
            [represent(Letter, each, None) for each in found], printing.print_letters, options
        )

    def _show(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        letter = queries.get_letter(workspace_id, options["id"])
        body = represent(LetterDetail, letter, None)
        self._tell(body, printing.print_letter, options)

    def _groups(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        groups = queries.list_groups(workspace_id)
        self._tell(
            [represent(Group, each, None) for each in groups], printing.print_groups, options
        )

    def _stats(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        stats = represent(LetterStats, queries.get_letter_stats(workspace_id), None)
        self._tell(stats, printing.print_stats, options)

    def _replays(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        found = queries.list_replays(workspace_id).order_by("-id")[: self._limit(options)]
        rows = [represent(Replay, each, None) for each in found]
        self._tell(rows, printing.print_replays, options)

    def _replay(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        replay = queries.get_replay(workspace_id, options["id"])
        if options["watch"]:
            self._watch(workspace_id, replay.id, options)
        else:
            self._tell(_described(workspace_id, replay.id), printing.print_replay, options)

    def _cancel_replay(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        replays.cancel_replay(
            workspace_id=workspace_id, replay_id=options["id"], actor=terminal_actor()
        )
        self._tell(_described(workspace_id, options["id"]), printing.print_replay, options)

    def _discard(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        wanted = self._wanted(workspace_id, options)
        self._act(workspace_id, wanted, options, reason=options["reason"])

    def _reprocess(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        wanted = self._wanted(workspace_id, options)
        payload = None
        if options["payload"] is not None:
            payload = json_object(options["payload"], option="--payload")
        how = {"payload": payload, "max_attempts": options["max_attempts"]}
        is_gentle = options["canary"] or options["rate"] is not None
        if options["dry_run"]:
            self._act(workspace_id, wanted, options, **how)
        elif options["ids"] and not is_gentle:
            self._reprocess_each(workspace_id, options, how)
        elif is_gentle or options["wait"]:
            self._start_replay(workspace_id, wanted, options, how)
        else:
            self._act(workspace_id, wanted, options, **how)

    def _wanted(self, workspace_id: UUID, options: dict[str, Any]) -> LetterFilter:
        wanted = wanted_of(options)
        if options["ids"]:
            if wanted != LetterFilter(ids=wanted.ids):
                self.usage("Give ids, or filters, or --all: one of them.")
            known = queries.list_letters(workspace_id, wanted).values_list("id", flat=True)
            missing = [str(each) for each in sorted(set(wanted.ids) - set(known))]
            if missing:
                raise CommandError(
                    f"There is no dead letter {', '.join(missing)}.", returncode=EXIT_NOT_FOUND
                )
        if wanted.is_empty:
            self.usage("Say which: ids, filters such as --category NETWORK, or --all.")
        return wanted

    def _act(
        self, workspace_id: UUID, wanted: LetterFilter, options: dict[str, Any], **how: Any
    ) -> None:
        """As many bounded calls as it takes."""
        matched = changed = 0
        refusals: dict[str, UUID] = {}
        with progress_bar(self.console(for_errors=True)) as progress:
            bar = progress.add_task(options["verb"].title(), total=None, note="")
            while True:
                done = bulk.act_on_letters(
                    workspace_id=workspace_id,
                    action=options["verb"],
                    letter_filter=wanted,
                    actor=terminal_actor(),
                    dry_run=options["dry_run"],
                    **how,
                )
                matched, changed = matched + done.matched, changed + done.changed
                refusals |= done.refusals
                progress.update(bar, completed=matched)
                # A call that changes nothing would find the same letters again.
                if not done.has_more or not done.changed:
                    break
        self._tell_action(matched, changed, refusals, options)
        left = max(matched, len(wanted.ids)) - changed
        if left and not options["dry_run"]:
            raise CommandError(f"{left} could not be changed.", returncode=EXIT_REFUSED)

    def _tell_action(
        self, matched: int, changed: int, refusals: dict[str, UUID], options: dict[str, Any]
    ) -> None:
        if options["json"]:
            shown = [{"reason": why, "letterId": letter} for why, letter in refusals.items()]
            self.write_json({"matched": matched, "changed": changed, "refusals": shown})
            return
        self.stdout.write(
            summarize_action(
                options["verb"],
                "letter",
                matched=matched,
                changed=changed,
                dry_run=options["dry_run"],
            )
        )
        for reason, letter in refusals.items():
            self.warn(f"{letter}: {reason}")

    def _reprocess_each(
        self, workspace_id: UUID, options: dict[str, Any], how: dict[str, Any]
    ) -> None:
        """Each by itself, so that what is refused says why and holds nothing else up."""
        tasks: dict[UUID, UUID | None] = {}
        refused: dict[UUID, str] = {}
        for each in dict.fromkeys(options["ids"]):
            try:
                letter = reprocess.reprocess_letter(
                    workspace_id=workspace_id, letter_id=each, actor=terminal_actor(), **how
                )
            except DomainError as error:
                lines = [f"{e['field']}: {e['message']}" for e in error.errors]
                refused[each] = "; ".join(lines) or str(error)
            else:
                tasks[each] = letter.reprocessed_task_id
        if not options["json"]:
            for old, new in tasks.items():
                self.stdout.write(f"{old} → task {new}")
        states = self._wait(workspace_id, [task for task in tasks.values() if task], options)
        if options["json"]:
            self.write_json(
                {
                    "reprocessed": [{"letterId": k, "taskId": v} for k, v in tasks.items()],
                    "refused": [{"letterId": k, "reason": v} for k, v in refused.items()],
                    **({} if states is None else {"states": states}),
                }
            )
        if refused:
            lines = [f"{each}: {why}" for each, why in refused.items()]
            raise CommandError(*lines, returncode=EXIT_REFUSED)
        if states is not None and set(states) != {"COMPLETED"}:
            raise CommandError(_told(states), returncode=EXIT_REFUSED)

    def _wait(
        self, workspace_id: UUID, ids: list[UUID], options: dict[str, Any]
    ) -> Counter[str] | None:
        if not options["wait"] or not ids:
            return None
        with progress_bar(self.console(for_errors=True)) as progress:
            bar = progress.add_task("Waiting", total=len(ids), note="")
            states = wait_for_tasks(
                workspace_id,
                ids,
                seconds=options["wait_timeout"],
                tell=lambda done, states: progress.update(bar, completed=done, note=_told(states)),
            )
        if not options["json"]:
            self.stdout.write(_told(states))
        return states

    def _start_replay(
        self,
        workspace_id: UUID,
        wanted: LetterFilter,
        options: dict[str, Any],
        how: dict[str, Any],
    ) -> None:
        replay = replays.start_replay(
            workspace_id=workspace_id,
            letter_filter=wanted,
            actor=terminal_actor(),
            rate_per_second=options["rate"],
            stages=options["stages"] if options["canary"] else (),
            max_failure_share=options["max_failure_share"],
            **how,
        )
        if options["wait"]:
            self._watch(workspace_id, replay.id, options)
        elif options["json"]:
            self.write_json({"replayId": replay.id, "matched": replay.matched})
        else:
            self.stdout.write(str(replay.id))
            self.stdout.write(
                f"{replay.matched} letters; watch them with "
                f"`manage.py dlq replay {replay.id} --watch`"
            )

    def _watch(self, workspace_id: UUID, replay_id: UUID, options: dict[str, Any]) -> None:
        """Until it has ended. Raises CommandError: it did not complete, or not in time."""
        give_up = time.monotonic() + options["wait_timeout"]
        with progress_bar(self.console(for_errors=True)) as progress:
            bar = progress.add_task("Replay", total=None, note="")
            while True:
                replay = queries.get_replay(workspace_id, replay_id)
                progress.update(
                    bar,
                    total=replay.matched,
                    completed=replay.succeeded + replay.failed + replay.skipped,
                    note=f"stage {replay.stage + 1}, {replay.failed} failed",
                )
                if replay.state != ReplayState.RUNNING or time.monotonic() > give_up:
                    break
                time.sleep(_POLL_SECONDS)
        self._tell(_described(workspace_id, replay_id), printing.print_replay, options)
        if replay.state == ReplayState.RUNNING:
            raise CommandError(
                f"Waited {options['wait_timeout']:g} s; the replay goes on without this command.",
                returncode=EXIT_TIMEOUT,
            )
        if replay.state != ReplayState.COMPLETED or replay.failed or replay.skipped:
            said = f"{replay.state}: {replay.failed} failed again, {replay.skipped} were skipped."
            raise CommandError(replay.stop_reason or said, returncode=EXIT_REFUSED)

    def _limit(self, options: dict[str, Any]) -> int:
        if not 1 <= options["limit"] <= _MOST_SHOWN:
            self.usage(f"--limit must be from 1 to {_MOST_SHOWN}.")
        limit: int = options["limit"]
        return limit

    def _tell(self, body: Any, show: Any, options: dict[str, Any]) -> None:
        if options["json"]:
            self.write_json(body)
        else:
            show(self.console(), body)


def _described(workspace_id: UUID, replay_id: UUID) -> dict[str, Any]:
    replay = queries.get_replay(workspace_id, replay_id)
    return represent(ReplayDetail, replay, None)


def _told(states: Counter[str]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
