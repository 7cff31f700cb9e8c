"""The subcommands of replays of dead letters."""

from functools import partial
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options, Subcommands
from controlplane.core.console.options import add_limit, add_wait_timeout, identifier
from controlplane.core.console.output import EXIT_TIMEOUT, CommandError
from controlplane.core.console.polling import poll
from controlplane.core.console.secondlook import Effect, Look
from controlplane.core.schema import represent
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from dlq import queries, replays
from dlq.management import tables
from dlq.replayschema import Replay, ReplayDetail
from dlq.states import ReplayState

_POLL_SECONDS = 0.5
# The service, the subcommand that undoes it, and the summary.
_STEPS = {
    "pause-replay": (
        replays.pause_replay,
        "resume-replay",
        "Submit no letters until it is resumed.",
    ),
    "resume-replay": (replays.resume_replay, "pause-replay", "Continue a paused replay."),
}


class ReplayCommands(WorkspaceCommand):
    """Lists replays, shows one, waits for it, and pauses, resumes and cancels it."""

    def add_replays(self, subcommands: Subcommands) -> None:
        """Declare the subcommands."""
        listing = subcommands.add(
            "replays",
            self._replays,
            "List replays, newest first.",
            can_watch=True,
            show=tables.show_replays,
        )
        add_limit(listing)
        replay = subcommands.add(
            "replay", self._replay, "Show a replay with its report.", show=tables.show_replay
        )
        replay.add_argument("--watch", action="store_true", help="wait until it has ended")
        add_wait_timeout(replay)
        cancel = subcommands.add(
            "cancel-replay",
            self._cancel_replay,
            "Stop a replay.",
            show=tables.show_replay,
            effect=Effect.ENDS,
        )
        named = [replay, cancel]
        for name, (_, _, text) in _STEPS.items():
            step = partial(self._step, name)
            named.append(
                subcommands.add(name, step, text, show=tables.show_replay, effect=Effect.UNDONE)
            )
        for each in named:
            each.add_argument("id", type=identifier, help="id of the replay")

    def _replays(self, workspace_id: UUID, options: Options) -> Any:
        newest = queries.list_replays(workspace_id).order_by("-id")[: options["limit"]]
        return [represent(Replay, replay, None) for replay in newest]

    def _replay(self, workspace_id: UUID, options: Options) -> Any:
        replay = queries.get_replay(workspace_id, options["id"])
        if options["watch"]:
            return self.watch_replay(workspace_id, replay.id, options["wait_timeout"])
        return describe_replay(workspace_id, replay.id)

    def _cancel_replay(self, workspace_id: UUID, options: Options) -> Any:
        text = "It submits no more letters. Tasks that it has submitted continue."
        self.look_twice(Look(f"Cancel the replay {options['id']}", text), options)
        replays.cancel_replay(
            workspace_id=workspace_id, replay_id=options["id"], actor=terminal_actor()
        )
        return describe_replay(workspace_id, options["id"])

    def _step(self, name: str, workspace_id: UUID, options: Options) -> Any:
        step, undone_by, _ = _STEPS[name]
        step(workspace_id=workspace_id, replay_id=options["id"], actor=terminal_actor())
        self.tell_undo(f"dlq {undone_by} {options['id']}")
        return describe_replay(workspace_id, options["id"])

    def watch_replay(self, workspace_id: UUID, replay_id: UUID, seconds: float) -> Any:
        """The report at the end. Raises CommandError if it did not complete, or not in time."""
        with self.progress("Replay") as update:
            replay, has_ended = poll(
                lambda: queries.get_replay(workspace_id, replay_id),
                until=lambda replay: replay.state != ReplayState.RUNNING,
                seconds=seconds,
                every=_POLL_SECONDS,
                show=lambda replay: update(
                    total=replay.matched,
                    completed=replay.succeeded + replay.failed + replay.skipped,
                    note=f"stage {replay.stage + 1}, {replay.failed} failed",
                ),
            )
        report = describe_replay(workspace_id, replay_id)
        if not has_ended:
            raise CommandError(
                f"Waited {seconds:g} s; the replay continues without this command.",
                returncode=EXIT_TIMEOUT,
                body=report,
            )
        if replay.state != ReplayState.COMPLETED or replay.failed or replay.skipped:
            counts = f"{replay.failed} failed again, {replay.skipped} were skipped"
            reason = replay.stop_reason or f"{replay.state}: {counts}."
            raise CommandError(reason, body=report)
        return report


def describe_replay(workspace_id: UUID, replay_id: UUID) -> dict[str, Any]:
    replay = queries.get_replay(workspace_id, replay_id)
    return represent(ReplayDetail, replay, None)
