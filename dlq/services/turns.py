"""A replay's next letters: found, repeated or skipped."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from django.db.models import Q, QuerySet

from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import ActorKind
from dlq.filters import letter_filter_of_body
from dlq.models import DeadLetter, Replay, ReplayTask
from dlq.selectors import list_letters
from dlq.services.discarding import why_closed
from dlq.services.repeating import Changes, repeat_letters
from dlq.services.reprocessing import audit_batch
from dlq.states import LetterStatus

LOOKED_AT = 200
_MOST_OF_RUNS = 1_000
_FATE = ("status", "reprocessed_task_id", "discard_reason", "resolved_by")
_REASON_SHOWN = 300


@dataclass(slots=True)
class Turn:
    """What one pass did: tasks by letter, letters skipped with their reasons."""

    MOST_SKIPS: ClassVar[int] = 100

    after_id: UUID | None
    is_last: bool = False  # no letter is left behind it
    tasks: dict[UUID, UUID] = field(default_factory=dict)
    skips: list[dict[str, str]] = field(default_factory=list)


def take_turn(replay: Replay, want: int) -> Turn:
    """Repeat the next letters of the replay, up to `want` of them; more only where letters of one
    workflow run go together, since a run is retried once."""
    letters = _meant(replay)
    if replay.after_id is not None:
        letters = letters.filter(id__gt=replay.after_id)
    rows = list(letters.order_by("id").only("id", "workflow_run_id", *_FATE)[:LOOKED_AT])
    taken = _up_to(rows, want)
    # A scan that found the end is not made again at every pass.
    is_last = len(taken) == len(rows) < LOOKED_AT
    turn = Turn(after_id=replay.until_id if is_last else taken[-1].id, is_last=is_last)
    if not rows:
        return turn
    before = _repeated_before(replay, [letter.id for letter in taken])
    mine = [letter for letter in taken if letter.id not in before]
    still_open = [letter for letter in mine if letter.status == LetterStatus.OPEN]
    runs = [letter.workflow_run_id for letter in still_open if letter.workflow_run_id is not None]
    together = [run for run in _of_runs(replay, runs) if run not in before]
    actor = Actor(kind=ActorKind.SYSTEM.value, id="", label=replay.created_by, role=None)
    changes = Changes(payload=replay.payload, max_attempts=replay.max_attempts)
    done = repeat_letters(
        workspace_id=replay.workspace_id,
        ids=list(dict.fromkeys([*(letter.id for letter in still_open), *together])),
        changes=changes,
        actor=actor,
    )
    audit_batch(replay.workspace_id, actor, done.tasks, changes, replayId=str(replay.id))
    turn.tasks = done.tasks
    for letter in mine:
        reason = done.refused.get(letter.id) or why_closed(letter)
        if reason is not None:
            turn.skips.append({"letterId": str(letter.id), "reason": reason.detail[:_REASON_SHOWN]})
    return turn


def _up_to(letters: Sequence[DeadLetter], want: int) -> list[DeadLetter]:
    """The first of these letters, with `want` open ones among them: the closed take no room."""
    taken: list[DeadLetter] = []
    for letter in letters:
        if want <= 0:
            break
        taken.append(letter)
        want -= letter.status == LetterStatus.OPEN
    return taken


def _meant(replay: Replay) -> QuerySet[DeadLetter]:
    """The letters that were meant when it began: those still open, and those resolved since."""
    wanted = letter_filter_of_body(replay.wanted)
    letters = list_letters(replay.workspace_id, wanted).filter(id__lte=replay.until_id)
    return letters.filter(Q(status=LetterStatus.OPEN) | Q(resolved_at__gte=replay.created_at))


def _repeated_before(replay: Replay, ids: Sequence[UUID]) -> set[UUID]:
    """Those that went together with the run of an earlier letter."""
    rows = ReplayTask.objects.filter(replay=replay, letter_id__in=ids)
    return set(rows.values_list("letter_id", flat=True))


def _of_runs(replay: Replay, runs: Sequence[UUID]) -> list[UUID]:
    """The open letters of these runs that the replay means, whose turn would come later."""
    if not runs:
        return []
    letters = _meant(replay).filter(workflow_run_id__in=runs, status=LetterStatus.OPEN)
    return list(letters.order_by("id").values_list("id", flat=True)[:_MOST_OF_RUNS])
