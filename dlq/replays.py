"""Start, pause, resume, cancel and remove replays; `replay_driver` does their work."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from annotated_types import Len
from django.conf import settings
from django.db import transaction

from controlplane.core.clock import now
from controlplane.core.errors import Conflict
from controlplane.core.ids import uuid7
from controlplane.core.schema import Request
from controlplane.core.schema.fields import Number, Saying, Whole
from controlplane.core.values import check_payload_value
from controlplane.workspaces.actors import RUN_WORKFLOWS, SUBMIT_TASKS, Actor, require_scopes
from controlplane.workspaces.idempotency import hash_body, store_or_get_response
from controlplane.workspaces.services import record_audit
from dlq import transitions
from dlq.bulk import only_open, refuse_empty
from dlq.filters import LetterFilter
from dlq.models import Replay
from dlq.queries import count_letters, get_replay, list_letters
from dlq.states import ReplayState
from tasks_app.batches import prune_one, set_paused
from tasks_app.queries import in_bounded_time
from tasks_app.schema.fields import Attempts, optional

DEFAULT_STAGES = (5, 50)
DEFAULT_FAILURE_SHARE = 0.2
MAX_STAGES = 20
MAX_STAGE = 1_000
MIN_RATE, MAX_RATE = 0.001, 10_000.0
MAX_LETTERS = 1_000_000
_SECONDS = 10.0


Stage = Annotated[int, Whole(1, MAX_STAGE)]
Rate = Annotated[float, Number(MIN_RATE, MAX_RATE)]
Share = Annotated[float, Number(0, 1)]


class ReplayOptions(Request):
    """The bounds of a replay, for every caller."""

    max_attempts: Attempts = optional()
    rate_per_second: Rate | None = None
    stages: Annotated[
        list[Stage],
        Len(0, MAX_STAGES),
        Saying(f"At most {MAX_STAGES} whole numbers from 1 to {MAX_STAGE}."),
    ]
    max_failure_share: Share


def start_replay(
    *,
    workspace_id: UUID,
    letter_filter: LetterFilter,
    actor: Actor,
    payload: Mapping[str, Any] | None = None,
    max_attempts: int | None = None,
    rate_per_second: float | None = None,
    stages: Sequence[int] = DEFAULT_STAGES,
    max_failure_share: float = DEFAULT_FAILURE_SHARE,
    key: str | None = None,
    confirm: Callable[[], object] | None = None,
) -> Replay:
    """Start to reprocess the matching open letters: first the stages of the canary, then the rest.
    Letters that are written later are not included; otherwise repeated failures would never end.
    `stages` () is a replay without a canary; a share of failures above `max_failure_share` (0…1) in
    a stage stops it; `rate_per_second` None sets no limit. With a key, the same body within a day
    gives the first replay again; `confirm` is called, and may raise, only if there is none.

    Raises Invalid, TooLarge; Conflict when no letter matches, or the key was used otherwise;
    Forbidden when the actor's key may not submit tasks, or not run the workflows among them.
    """
    require_scopes(actor, SUBMIT_TASKS)
    ReplayOptions.read(
        {
            **({} if max_attempts is None else {"maxAttempts": max_attempts}),
            "ratePerSecond": rate_per_second,
            "stages": list(stages),
            "maxFailureShare": max_failure_share,
        }
    )
    refuse_empty(letter_filter)
    if actor.scopes and _has_letters_of_runs(workspace_id, letter_filter):
        require_scopes(actor, RUN_WORKFLOWS)
    replay = Replay(
        id=uuid7(),
        workspace_id=workspace_id,
        filter=letter_filter.to_json(),
        payload=_checked_payload(payload),
        max_attempts=max_attempts,
        rate_per_second=rate_per_second,
        stages=list(stages),
        max_failure_share=max_failure_share,
        created_by=actor.label[:200],
    )
    with transaction.atomic():
        if key is not None and (first := _first_answer(replay, key)) is not None:
            return get_replay(workspace_id, first)
        if confirm is not None:
            confirm()
        _count_letters(replay, letter_filter)
        replay.save(force_insert=True)
        _audit(replay, actor, "dlq.replay", filter=replay.filter, matched=replay.matched)
    return replay


def _has_letters_of_runs(workspace_id: UUID, letter_filter: LetterFilter) -> bool:
    with in_bounded_time():
        letters = list_letters(workspace_id, only_open(letter_filter))
        return letters.filter(workflow_run_id__isnull=False).exists()


@transaction.atomic
def cancel_replay(*, workspace_id: UUID, replay_id: UUID, actor: Actor) -> Replay:
    """Submit no more letters; submitted tasks continue. Raises NotFound, Conflict."""
    replay = _lock(workspace_id, replay_id)
    transitions.end_replay(replay_id, state=ReplayState.CANCELLED)
    _audit(replay, actor, "dlq.replay_cancel", submitted=replay.submitted)
    return get_replay(workspace_id, replay_id)


@transaction.atomic
def pause_replay(*, workspace_id: UUID, replay_id: UUID, actor: Actor) -> Replay:
    """Submit no letters until the replay is resumed; submitted tasks continue, and too many
    failures among them still stop it. Raises NotFound, Conflict."""
    return _set_paused(workspace_id, replay_id, actor, now())


@transaction.atomic
def resume_replay(
    *, workspace_id: UUID, replay_id: UUID, actor: Actor, paused_at: datetime | None = None
) -> Replay:
    """Continue a paused replay; with `paused_at`, only from the pause that began then. Raises
    NotFound, Conflict; Forbidden if the actor's key may not submit tasks."""
    require_scopes(actor, SUBMIT_TASKS)
    return _set_paused(workspace_id, replay_id, actor, None, began=paused_at)


def prune_replays(limit: int) -> int:
    """Remove one ended replay that is older than DLQ_RETENTION_DAYS, unless `limit` is 0. Returns
    how many were removed."""
    before = now() - timedelta(days=settings.TASKPLANE["DLQ_RETENTION_DAYS"])
    ended = Replay.objects.exclude(state=ReplayState.RUNNING)
    return prune_one(ended, before=before) if limit else 0


def _set_paused(
    workspace_id: UUID,
    replay_id: UUID,
    actor: Actor,
    at: datetime | None,
    *,
    began: datetime | None = None,
) -> Replay:
    replay = _lock(workspace_id, replay_id)
    set_paused(replay, at, began=began)
    _audit(replay, actor, "dlq.replay_pause" if at else "dlq.replay_resume")
    return replay


def _lock(workspace_id: UUID, replay_id: UUID) -> Replay:
    """The running replay, whose driver holds the same lock while it submits. Raises NotFound,
    Conflict when it has ended."""
    get_replay(workspace_id, replay_id)
    replay = Replay.objects.select_for_update().get(id=replay_id)
    if replay.state != ReplayState.RUNNING:
        raise Conflict(f"The replay has already ended: it is {replay.state}.")
    return replay


def _first_answer(replay: Replay, key: str) -> UUID | None:
    body = (
        "replay",
        replay.filter,
        replay.payload,
        replay.max_attempts,
        replay.rate_per_second,
        replay.stages,
        replay.max_failure_share,
    )
    first = store_or_get_response(
        workspace_id=replay.workspace_id,
        key=key,
        body_hash=hash_body(*body),
        answer={"replayId": str(replay.id)},
    )
    return UUID(first["replayId"]) if first is not None else None


def _count_letters(replay: Replay, letter_filter: LetterFilter) -> None:
    """How many letters match, and which one is the last."""
    letter_filter = only_open(letter_filter)
    with in_bounded_time(_SECONDS):
        replay.matched = count_letters(replay.workspace_id, letter_filter, limit=MAX_LETTERS)
        newest = list_letters(replay.workspace_id, letter_filter).order_by("-id")
        replay.until_id = newest.values_list("id", flat=True).first()
    if replay.until_id is None:
        raise Conflict("No open letter matches: there is nothing to replay.")


def _checked_payload(payload: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if payload is None:
        return None
    check_payload_value(dict(payload), field="payload")
    return dict(payload)


def _audit(replay: Replay, actor: Actor, action: str, **detail: Any) -> None:
    record_audit(
        workspace=replay.workspace_id,
        actor=actor,
        action=action,
        target_type="replay",
        target_id=str(replay.id),
        detail=detail,
    )
