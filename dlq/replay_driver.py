"""The dispatcher's work for replays: read outcomes, decide, reprocess the next letters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from controlplane.core.formatting import format_percent
from controlplane.core.requests import working_for
from controlplane.core.schema.filters import read_body
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from controlplane.workspaces.states import ActorKind
from dlq import transitions
from dlq.discard import describe_closed
from dlq.filters import LetterFilter
from dlq.models import DeadLetter, Replay, ReplayTask
from dlq.queries import FailingGroup, list_failing, list_letters
from dlq.reprocess import audit_reprocessing
from dlq.reprocess_tasks import Changes, reprocess_in_transaction
from dlq.states import LetterStatus, ReplayState
from tasks_app.batches import (
    MAX_BATCHES,
    BatchDriver,
    StageProgress,
    longest_waiting,
    read_outcomes,
    read_stage,
    record_submission,
    submission_room,
)

CHUNK = 200
# Open tasks of one replay: more would leave nothing to stop when failures repeat.
MAX_IN_FLIGHT = 1_000
MAX_SKIPS = 100  # that a replay lists
_MAX_CHUNKS = 10  # in a pass
_MAX_LETTERS_OF_RUNS = 1_000
_MAX_MESSAGE = 200
_MAX_SKIP_REASON = 300
_COUNTS = ("submitted", "succeeded", "failed", "skipped")
_RESOLUTION = ("status", "reprocessed_task_id", "discard_reason", "resolved_by")


class ReplayDriver(BatchDriver[Replay]):
    """Advances replays: a canary in stages, then the rest, at a rate."""

    model = Replay
    label = "replay"
    progress_fields: ClassVar = ("stage", "succeeded", "failed", "skipped", "skips", "after_id")

    def list_due(self) -> list[UUID]:
        """Replays that run, then ended ones with open tasks, whose outcomes still count."""
        running = longest_waiting(Replay.objects.filter(state=ReplayState.RUNNING))
        open_tasks = ReplayTask.objects.filter(outcome="").exclude(replay_id__in=running)
        ended = open_tasks.order_by("replay_id").values_list("replay_id", flat=True).distinct()
        return running + list(ended[:MAX_BATCHES])

    def give_up(self, batch_id: UUID, reason: str) -> None:
        """Stop it with the reason."""
        with transaction.atomic():
            _end(Replay.objects.get(id=batch_id), ReplayState.STOPPED, reason)

    def advance(self, batch: Replay, now: datetime) -> bool:
        """Count ended tasks, decide about the stage, then submit."""
        # A run's letters go together, so there may be more in flight than the limit.
        outcomes = read_outcomes(batch, limit=2 * MAX_IN_FLIGHT)
        completed = outcomes.count("COMPLETED")
        batch.succeeded += completed
        batch.failed += outcomes.count() - completed
        if batch.state != ReplayState.RUNNING:
            return False
        progress = _read_progress(batch)
        if progress.exceeds(batch.max_failure_share):
            _end(batch, ReplayState.STOPPED, _describe_stop(batch, progress))
            return False
        if progress.is_over:
            _end(batch, ReplayState.COMPLETED)
            return False
        if progress.is_stage_over:
            batch.stage += 1
            progress = _read_progress(batch)
        return _submit(batch, _room(batch, progress, now), now)


def _end(replay: Replay, state: ReplayState, reason: str = "") -> None:
    if transitions.end_replay(replay.id, state=state, reason=reason):
        counts = {name: getattr(replay, name) for name in _COUNTS}
        record_audit(
            workspace=replay.workspace_id,
            actor=_actor_of(replay),
            action="dlq.replay_end",
            target_type="replay",
            target_id=str(replay.id),
            detail={"state": state.value, **counts} | ({"reason": reason} if reason else {}),
        )


def _actor_of(replay: Replay) -> Actor:
    """The dispatcher, in the name of the person or key that started it."""
    return Actor(kind=ActorKind.SYSTEM.value, id="", label=replay.created_by, role=None)


def _read_progress(replay: Replay) -> StageProgress:
    is_exhausted = (
        replay.after_id is not None
        and replay.until_id is not None
        and replay.after_id >= replay.until_id
    )
    return read_stage(replay, replay.stage, replay.stages, is_exhausted=is_exhausted)


def _room(replay: Replay, progress: StageProgress, now: datetime) -> int:
    limit = min(CHUNK, MAX_IN_FLIGHT - progress.open)
    if progress.size is not None:
        limit = min(limit, progress.size - progress.submitted)
    return submission_room(replay, now, limit=limit)


def _submit(replay: Replay, room: int, now: datetime) -> bool:
    """Reprocess up to `room` letters. Returns whether more can be submitted at once, which a full
    chunk would otherwise put off to the next round. A refused letter takes no room, so a pass takes
    several chunks: a payload that fits no letter must be reported soon, not after hours."""
    is_full = room >= CHUNK
    skipped = replay.skipped
    for _ in range(_MAX_CHUNKS):
        if room <= 0 or replay.skipped - skipped >= CHUNK:
            break
        chunk = _reprocess_next(replay, room)
        _record(replay, chunk, now)
        room -= len(chunk.tasks)
        if chunk.is_last:
            return False
    return room > 0 or (is_full and submission_room(replay, now, limit=1) > 0)


def _record(replay: Replay, chunk: "ReplayChunk", now: datetime) -> None:
    items = [
        ReplayTask(replay=replay, letter_id=letter, task_id=task, stage=replay.stage)
        for letter, task in chunk.tasks.items()
    ]
    record_submission(replay, items, now)
    replay.skipped += len(chunk.skips)
    replay.skips = [*replay.skips, *chunk.skips][:MAX_SKIPS]
    replay.after_id = chunk.after_id


@dataclass(slots=True)
class ReplayChunk:
    """The result of one step: submitted tasks by letter, and skipped letters with their reasons."""

    after_id: UUID | None
    is_last: bool = False  # no letter is left behind it
    tasks: dict[UUID, UUID] = field(default_factory=dict)
    skips: list[dict[str, str]] = field(default_factory=list)


def _reprocess_next(replay: Replay, room: int) -> ReplayChunk:
    """Reprocess up to `room` of the next letters; more only if letters of one workflow run belong
    together, since a run is retried once."""
    letters = _matching(replay)
    if replay.after_id is not None:
        letters = letters.filter(id__gt=replay.after_id)
    rows = list(letters.order_by("id").only("id", "workflow_run_id", *_RESOLUTION)[:CHUNK])
    taken = _up_to(rows, room)
    # A scan that found the end is not made again at every pass.
    is_last = len(taken) == len(rows) < CHUNK
    chunk = ReplayChunk(after_id=replay.until_id if is_last else taken[-1].id, is_last=is_last)
    if not rows:
        return chunk
    submitted = _submitted_before(replay, [letter.id for letter in taken])
    mine = [letter for letter in taken if letter.id not in submitted]
    still_open = [letter for letter in mine if letter.status == LetterStatus.OPEN]
    runs = [letter.workflow_run_id for letter in still_open if letter.workflow_run_id is not None]
    together = [letter for letter in _letters_of_runs(replay, runs) if letter not in submitted]
    actor = _actor_of(replay)
    changes = Changes(payload=replay.payload, max_attempts=replay.max_attempts)
    result = reprocess_in_transaction(
        workspace_id=replay.workspace_id,
        ids=list(dict.fromkeys([*(letter.id for letter in still_open), *together])),
        changes=changes,
        actor=actor,
    )
    with working_for(f"replay:{replay.id}"):
        audit_reprocessing(
            replay.workspace_id, actor, result.tasks, changes, replayId=str(replay.id)
        )
    chunk.tasks = result.tasks
    chunk.skips = [
        {"letterId": str(letter.id), "reason": reason.detail[:_MAX_SKIP_REASON]}
        for letter in mine
        if (reason := result.refused.get(letter.id) or describe_closed(letter)) is not None
    ]
    return chunk


def _up_to(letters: Iterable[DeadLetter], room: int) -> list[DeadLetter]:
    """The first of these letters, with `room` open ones among them: closed letters take no room."""
    taken: list[DeadLetter] = []
    for letter in letters:
        if room <= 0:
            break
        taken.append(letter)
        room -= letter.status == LetterStatus.OPEN
    return taken


def _matching(replay: Replay) -> QuerySet[DeadLetter]:
    """The letters that matched at the start: those still open, and those resolved since."""
    letters = list_letters(replay.workspace_id, read_body(LetterFilter, replay.filter))
    return letters.filter(
        Q(status=LetterStatus.OPEN) | Q(resolved_at__gte=replay.created_at),
        id__lte=replay.until_id,
    )


def _submitted_before(replay: Replay, ids: Sequence[UUID]) -> set[UUID]:
    """The letters that were reprocessed with the run of an earlier letter."""
    rows = ReplayTask.objects.filter(replay=replay, letter_id__in=ids)
    return set(rows.values_list("letter_id", flat=True))


def _letters_of_runs(replay: Replay, runs: Sequence[UUID]) -> list[UUID]:
    """The open letters of these runs that the replay would otherwise take later."""
    if not runs:
        return []
    letters = _matching(replay).filter(workflow_run_id__in=runs, status=LetterStatus.OPEN)
    return list(letters.order_by("id").values_list("id", flat=True)[:_MAX_LETTERS_OF_RUNS])


def _describe_stop(replay: Replay, progress: StageProgress) -> str:
    """Why it stopped, with the most frequent failure."""
    if progress.size is not None:
        where = f"Stage {progress.number + 1} of {len(replay.stages) + 1}"
    else:
        where = "After the canary" if replay.stages else "Without a canary"
    reason = (
        f"{where}: {progress.failed} of {progress.counted} tasks had not completed when it "
        f"stopped, above the {format_percent(replay.max_failure_share)} limit."
    )
    groups = list_failing(replay.id, limit=1)
    return f"{reason} {_describe_group(groups[0])}" if groups else reason


def _describe_group(group: FailingGroup) -> str:
    message = " ".join(group.message.split())[:_MAX_MESSAGE]
    times = "once" if group.count == 1 else f"{group.count} times"
    return (
        f"Most frequent ({times}): {group.error_class}: {message} "
        f"({group.category}, fingerprint {group.fingerprint})."
    )
