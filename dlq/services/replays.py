"""Beginning and ending replays; `driving` does their work."""

import math
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from controlplane.core.errors import Conflict, FieldError, Invalid
from controlplane.core.ids import uuid7
from controlplane.core.values import check_json_value
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.rights import RUN_WORKFLOWS, SUBMIT_TASKS, require_scopes
from controlplane.workspaces.services import record_audit
from dlq import transitions
from dlq.filters import LetterFilter
from dlq.models import Replay
from dlq.selectors import count_letters, get_replay, list_letters
from dlq.services.actions import open_of, refuse_empty
from dlq.states import ReplayState
from tasks_app.processors.registry import MAX_ATTEMPTS
from tasks_app.selectors import in_bounded_time
from tasks_app.services import hash_body, store_or_get_response

DEFAULT_STAGES = (5, 50)
DEFAULT_FAILURE_SHARE = 0.2
MOST_STAGES = 20
LARGEST_STAGE = 1_000
FASTEST_RATE = 10_000.0
MOST_LETTERS = 1_000_000
_SECONDS = 10.0


def start_replay(
    *,
    workspace_id: UUID,
    wanted: LetterFilter,
    actor: Actor,
    payload: Mapping[str, Any] | None = None,
    max_attempts: int | None = None,
    rate_per_second: float | None = None,
    stages: Sequence[int] = DEFAULT_STAGES,
    max_failure_share: float = DEFAULT_FAILURE_SHARE,
    key: str | None = None,
) -> Replay:
    """Begin to reprocess the matching open letters: first `stages` letters each, then the rest.

    Letters that come to be later are not meant, or failures that repeat would never end. `stages`
    () is a replay without a canary; a share of failures above `max_failure_share` (0…1) in a
    stage stops it; `rate_per_second` None is as fast as it goes. With a key, the same body
    within a day gives the first replay again.

    Raises Invalid, TooLarge; Conflict when no letter matches, or the key was used otherwise;
    Forbidden when the actor's key may not submit tasks, or not run the workflows among them.
    """
    require_scopes(actor, SUBMIT_TASKS)
    _check(max_attempts, rate_per_second, stages, max_failure_share)
    refuse_empty(wanted)
    if actor.scopes and _has_letters_of_runs(workspace_id, wanted):
        require_scopes(actor, RUN_WORKFLOWS)
    replay = Replay(
        id=uuid7(),
        workspace_id=workspace_id,
        wanted=wanted.to_json(),
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
        _measure(replay, wanted)
        replay.save(force_insert=True)
        _audit(replay, actor, "dlq.replay", wanted=replay.wanted, matched=replay.matched)
    return replay


def _has_letters_of_runs(workspace_id: UUID, wanted: LetterFilter) -> bool:
    with in_bounded_time():
        letters = list_letters(workspace_id, open_of(wanted))
        return letters.filter(workflow_run_id__isnull=False).exists()


@transaction.atomic
def cancel_replay(*, workspace_id: UUID, replay_id: UUID, actor: Actor) -> Replay:
    """Submit no more; the tasks that were submitted go on. Raises NotFound, Conflict."""
    get_replay(workspace_id, replay_id)
    # The driver holds this lock while it submits.
    replay = Replay.objects.select_for_update().get(id=replay_id)
    if not transitions.end_replay(replay_id, state=ReplayState.CANCELLED):
        raise Conflict(f"The replay has already ended: it is {replay.state}.")
    _audit(replay, actor, "dlq.replay_cancel", submitted=replay.submitted)
    return get_replay(workspace_id, replay_id)


def _first_answer(replay: Replay, key: str) -> UUID | None:
    body = (
        "replay",
        replay.wanted,
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


def _measure(replay: Replay, wanted: LetterFilter) -> None:
    """How many letters are meant, and up to which one."""
    meant = open_of(wanted)
    with in_bounded_time(_SECONDS):
        replay.matched = count_letters(replay.workspace_id, meant, most=MOST_LETTERS)
        newest = list_letters(replay.workspace_id, meant).order_by("-id")
        replay.until_id = newest.values_list("id", flat=True).first()
    if replay.until_id is None:
        raise Conflict("No open letter matches: there is nothing to replay.")


def _checked_payload(payload: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if payload is None:
        return None
    config = settings.TASKPLANE
    check_json_value(
        dict(payload),
        max_bytes=config["PAYLOAD_MAX_BYTES"],
        max_depth=config["JSON_MAX_DEPTH"],
        field="payload",
    )
    return dict(payload)


def _check(
    max_attempts: int | None, rate: float | None, stages: Sequence[int], share: float
) -> None:
    errors: list[FieldError] = []
    if max_attempts is not None and not _is_whole(max_attempts, MAX_ATTEMPTS):
        errors.append(_problem("maxAttempts", f"A whole number from 1 to {MAX_ATTEMPTS}."))
    if rate is not None and not (_is_number(rate) and 0.001 <= rate <= FASTEST_RATE):
        errors.append(_problem("ratePerSecond", f"A number from 0.001 to {FASTEST_RATE:.0f}."))
    if len(stages) > MOST_STAGES or not all(_is_whole(size, LARGEST_STAGE) for size in stages):
        message = f"At most {MOST_STAGES} whole numbers from 1 to {LARGEST_STAGE}."
        errors.append(_problem("stages", message))
    if not (_is_number(share) and 0 <= share <= 1):
        errors.append(_problem("maxFailureShare", "A number from 0 to 1."))
    if errors:
        raise Invalid(errors=errors)


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _problem(field: str, message: str) -> FieldError:
    return FieldError(field=field, message=message)


def _audit(replay: Replay, actor: Actor, action: str, **detail: Any) -> None:
    record_audit(
        workspace=replay.workspace_id,
        actor=actor,
        action=action,
        target_type="replay",
        target_id=str(replay.id),
        detail=detail,
    )
