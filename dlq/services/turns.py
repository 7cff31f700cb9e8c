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
from dlq.services.repeating import Changes, repeat_letters
from dlq.services.reprocessing import audit_batch
from dlq.states import LetterStatus

_MOST_OF_RUNS = 1_000
_REASON_SHOWN = 300


@dataclass(slots=True)
class Turn:
    """What one pass did: tasks by letter, letters skipped with their reasons."""

    MOST_SKIPS: ClassVar[int] = 100

    after_id: UUID | None
    looked_at: int = 0
    tasks: dict[UUID, UUID] = field(default_factory=dict)
    skips: list[dict[str, str]] = field(default_factory=list)


def take_turn(replay: Replay, want: int) -> Turn:
    """Repeat the next letters of the replay, up to `want` of them; more only where letters of one
    workflow run go together, since a run is retried once."""
    letters = _meant(replay)
    if replay.after_id is not None:
        letters = letters.filter(id__gt=replay.after_id)
    rows = list(letters.order_by("id").values_list("id", "workflow_run_id")[:want])
    ids = [letter for letter, _ in rows]
    # A scan that found the end is not made again at every pass.
    turn = Turn(after_id=ids[-1] if len(rows) == want else replay.until_id, looked_at=len(rows))
    if not rows:
        return turn
    before = _repeated_before(replay, ids)
    mine = [letter for letter in ids if letter not in before]
    together = _of_runs(replay, [run for _, run in rows if run is not None])
    actor = Actor(kind=ActorKind.SYSTEM.value, id="", label=replay.created_by, role=None)
    changes = Changes(payload=replay.payload, max_attempts=replay.max_attempts)
    done = repeat_letters(
        workspace_id=replay.workspace_id,
        ids=list(dict.fromkeys([*mine, *(run for run in together if run not in before)])),
        changes=changes,
        actor=actor,
    )
    audit_batch(replay.workspace_id, actor, done.tasks, changes, replayId=str(replay.id))
    turn.tasks = done.tasks
    turn.skips = [
        {"letterId": str(letter), "reason": done.refused[letter].detail[:_REASON_SHOWN]}
        for letter in mine
        if letter in done.refused
    ]
    return turn


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
