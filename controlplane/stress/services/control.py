"""Beginning and stopping tests; `driving` does their work."""

import secrets
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, FieldError, Invalid
from controlplane.core.ids import uuid7
from controlplane.core.names import canonical_name
from controlplane.stress import transitions
from controlplane.stress.models import StressTest
from controlplane.stress.selectors import get_test, list_tests, parameters_of
from controlplane.stress.services.limits import find_problems
from controlplane.stress.services.looking import count_queue
from controlplane.stress.services.submitting import QUEUE
from controlplane.stress.states import OPEN, StressShape, StressState, StressType
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.rights import SUBMIT_TASKS, require_scopes
from controlplane.workspaces.selectors import get_workspace_slug
from controlplane.workspaces.services import record_audit
from tasks_app.services import hash_body, store_or_get_response

_SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Asked:
    """What a test is to do. Shares from 0 to 1; `rate_per_second` None: as fast as it goes.

    `seed` decides which tasks fail; without one it is drawn.
    """

    tasks: int
    type: str = StressType.SLEEP.value
    duration_ms: float = 100.0
    failure_rate: float = 0.0
    dependent_share: float = 0.0
    rate_per_second: float | None = None
    shape: str = StressShape.MIXED.value
    name: str = ""
    seed: int | None = None


def start_test(
    *,
    workspace_id: UUID,
    asked: Asked,
    actor: Actor,
    confirm: str = "",
    key: str | None = None,
) -> tuple[StressTest, bool]:
    """Accept a test, which the dispatcher then drives; the test, and whether it is a new one. With
    a key, the same body within a day gives the first test again.

    Raises Invalid for wrong values, or without the confirmation that production needs; Conflict
    while another test of the workspace has not ended, its queue is in use, or the key was used
    otherwise; Forbidden when the actor's key may not submit tasks.
    """
    require_scopes(actor, SUBMIT_TASKS)
    problems = find_problems(asked) + _find_unconfirmed(workspace_id, confirm)
    if problems:
        raise Invalid(errors=problems)
    test = _make(workspace_id, asked, actor)
    try:
        with transaction.atomic():
            if key is not None and (first := _first_answer(test, asked, key)) is not None:
                return get_test(workspace_id, first), False
            _refuse_second(workspace_id)
            test.save(force_insert=True)
            _audit(test, actor, "stress.start", **parameters_of(test))
    except IntegrityError as error:
        if "stress_one_at_a_time" not in str(error):
            raise
        _refuse_second(workspace_id)
        raise Conflict("Another stress test began at the same moment. Try again.") from error
    return test, True


def stop_test(*, workspace_id: UUID, test_id: UUID, actor: Actor) -> StressTest:
    """Submit no more, cancel what waits, ask what runs to stop; the report follows.

    Raises NotFound, Conflict when it has ended or is ending.
    """
    with transaction.atomic():
        get_test(workspace_id, test_id)
        # The driver holds this lock while it submits.
        test = StressTest.objects.select_for_update().get(id=test_id)
        by = actor.label[:200]
        if not transitions.stop(
            test_id,
            ends_as=StressState.STOPPED,
            reason=f"Stopped by {by}.",
            by=by,
            at=now(),
        ):
            raise Conflict(f"The stress test is ending or has ended: it is {test.state}.")
        _audit(test, actor, "stress.stop", submitted=test.submitted)
    return get_test(workspace_id, test_id)


def _make(workspace_id: UUID, asked: Asked, actor: Actor) -> StressTest:
    return StressTest(
        id=uuid7(),
        workspace_id=workspace_id,
        name=canonical_name(asked.name) or f"{asked.tasks:,} tasks, {asked.type}",
        tasks=asked.tasks,
        type=asked.type,
        duration_ms=0 if asked.type == StressType.NOOP else asked.duration_ms,
        failure_rate=asked.failure_rate,
        dependent_share=asked.dependent_share,
        shape=asked.shape,
        rate_per_second=asked.rate_per_second,
        seed=secrets.randbelow(_SEEDS) if asked.seed is None else asked.seed,
        created_by=actor.label[:200],
    )


def _first_answer(test: StressTest, asked: Asked, key: str) -> UUID | None:
    first = store_or_get_response(
        workspace_id=test.workspace_id,
        key=key,
        body_hash=hash_body("stress", asdict(asked)),
        answer={"stressTestId": str(test.id)},
    )
    return UUID(first["stressTestId"]) if first is not None else None


def _refuse_second(workspace_id: UUID) -> None:
    other = list_tests(workspace_id, sorted(OPEN)).first()
    if other is not None:
        raise Conflict(
            f"The stress test {other.id} has not ended: it is {other.state}. Wait for it, or stop "
            f"it with DELETE /system/stress-tests/{other.id}."
        )
    waiting, running = count_queue(workspace_id)
    if waiting or running:
        raise Conflict(
            f"The queue {QUEUE} holds {waiting + running} unfinished tasks that no stress test "
            "owns. Wait for them or cancel them, since they would be counted."
        )


def _find_unconfirmed(workspace_id: UUID, confirm: str) -> list[FieldError]:
    if not settings.TASKPLANE_STRESS["MUST_CONFIRM"]:
        return []
    slug = get_workspace_slug(workspace_id)
    if confirm in (slug, QUEUE):
        return []
    message = (
        "This is production, and a stress test takes workers away from its work. To start it all "
        f'the same send "confirm": "{slug}" (the workspace) or "confirm": "{QUEUE}".'
    )
    return [FieldError(field="confirm", message=message)]


def _audit(test: StressTest, actor: Actor, action: str, **detail: Any) -> None:
    record_audit(
        workspace=test.workspace_id,
        actor=actor,
        action=action,
        target_type="stress-test",
        target_id=str(test.id),
        detail=detail,
    )
