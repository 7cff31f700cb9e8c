"""The dispatcher's work for replays: read what ended, decide, submit what comes next.

Each replay has one transaction per pass, in which its row is locked: two dispatchers never submit
the same letters, and one that dies half-way leaves the replay as it was before the pass.
"""

import logging
from datetime import datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from controlplane.core.clock import now as utc_now
from dlq import transitions
from dlq.models import Replay, ReplayTask
from dlq.services.turns import Turn, take_turn
from dlq.services.verdicts import Standing, read_standing, why_stopped
from dlq.states import ReplayState
from tasks_app.pacing import spend, tokens
from tasks_app.selectors import get_states
from tasks_app.states import FINAL

logger = logging.getLogger(__name__)

BATCH = 200
# Tasks of one replay that have not ended: more would leave nothing to stop when failures repeat.
IN_FLIGHT = 1_000
_MOST_REPLAYS = 100
_MOST_SAID = 1_000
_MOST_TURNS = 10
_DELETED = "DELETED"


def drive_replays(*, now: datetime | None = None) -> bool:
    """One pass over the running replays; whether one of them has more to submit at once.

    `now` is the time from which rates count.
    """
    has_more = False
    for replay in _due():
        try:
            has_more |= _drive(replay, now or utc_now())
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            # One replay that cannot go on must not keep the others from their work.
            logger.exception("The replay %s could not be driven, and is stopped", replay)
            said = f"It could not go on: {type(error).__name__}: {error}"
            transitions.end_replay(replay, state=ReplayState.STOPPED, reason=said[:_MOST_SAID])
    return has_more


def _due() -> list[UUID]:
    """Replays that run, the longest waiting first, and ended ones with tasks still open."""
    running = Replay.objects.filter(state=ReplayState.RUNNING)
    oldest = running.order_by(F("last_submit_at").asc(nulls_first=True), "id")
    due = list(oldest.values_list("id", flat=True)[:_MOST_REPLAYS])
    open_ones = ReplayTask.objects.filter(outcome="").order_by("replay_id")
    others = open_ones.exclude(replay_id__in=due).values_list("replay_id", flat=True)
    return due + list(others.distinct()[:_MOST_REPLAYS])


@transaction.atomic
def _drive(replay_id: UUID, now: datetime) -> bool:
    found = Replay.objects.select_for_update(skip_locked=True).filter(id=replay_id)
    replay = found.first()
    if replay is None:
        return False
    _read_outcomes(replay)
    has_more = replay.state == ReplayState.RUNNING and _go_on(replay, now)
    replay.save(
        update_fields=[
            "stage", "submitted", "succeeded", "failed", "skipped", "skips", "after_id",
            "last_submit_at",
        ]
    )  # fmt: skip
    return has_more


def _go_on(replay: Replay, now: datetime) -> bool:
    """Decide about the stage, then submit; whether more can be submitted at once."""
    standing = read_standing(replay)
    if reason := why_stopped(replay, standing):
        transitions.end_replay(replay.id, state=ReplayState.STOPPED, reason=reason)
        return False
    if standing.is_over:
        transitions.end_replay(replay.id, state=ReplayState.COMPLETED)
        return False
    if standing.is_stage_over:
        replay.stage += 1
        standing = read_standing(replay)
    return _submit(replay, _room(replay, standing, now), now)


def _submit(replay: Replay, want: int, now: datetime) -> bool:
    """Up to `want` letters; whether more can be submitted at once. What is refused takes no room,
    so a pass has several turns: a payload that fits no letter must not take hours to say so."""
    is_unhurried = want < BATCH or replay.rate_per_second is not None
    skipped = replay.skipped
    for _ in range(_MOST_TURNS):
        if want <= 0 or replay.skipped - skipped >= BATCH:
            break
        turn = take_turn(replay, want)
        _note(replay, turn)
        if turn.tasks:
            replay.last_submit_at = spend(replay, len(turn.tasks), now)
        want -= len(turn.tasks)
        if turn.is_last:
            return False
    return want > 0 or not is_unhurried


def _room(replay: Replay, standing: Standing, now: datetime) -> int:
    room = min(BATCH, IN_FLIGHT - standing.open)
    if standing.size is not None:
        room = min(room, standing.size - standing.submitted)
    return min(room, tokens(replay, now))


def _note(replay: Replay, turn: Turn) -> None:
    ReplayTask.objects.bulk_create(
        ReplayTask(replay=replay, letter_id=letter, task_id=task, stage=replay.stage)
        for letter, task in turn.tasks.items()
    )
    replay.submitted += len(turn.tasks)
    replay.skipped += len(turn.skips)
    replay.skips = [*replay.skips, *turn.skips][: Turn.MOST_SKIPS]
    replay.after_id = turn.after_id


def _read_outcomes(replay: Replay) -> None:
    """What became of the tasks that were open; what is gone counts as not done."""
    rows = ReplayTask.objects.filter(replay=replay, outcome="").order_by("id")
    tasks = dict(rows.values_list("task_id", "id")[: 2 * IN_FLIGHT])
    states = get_states(replay.workspace_id, list(tasks)) if tasks else {}
    ended: dict[str, list[int]] = {}
    for task, row in tasks.items():
        outcome = states.get(task, _DELETED)
        if outcome == _DELETED or outcome in FINAL:
            ended.setdefault(outcome, []).append(row)
    for outcome, ids in ended.items():
        ReplayTask.objects.filter(id__in=ids).update(outcome=outcome)
        if outcome == "COMPLETED":
            replay.succeeded += len(ids)
        else:
            replay.failed += len(ids)
