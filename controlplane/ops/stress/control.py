"""Start, stop and remove tests; `driver` does their work."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, FieldError, Invalid
from controlplane.core.ids import uuid7
from controlplane.ops.stress import transitions
from controlplane.ops.stress.models import StressTest
from controlplane.ops.stress.progress import count_queue
from controlplane.ops.stress.queries import get_test, list_tests
from controlplane.ops.stress.spec import MAX_SEED, QUEUE, StressTestSpec, parameters_of
from controlplane.ops.stress.states import OPEN, StressState
from controlplane.workspaces.actors import SUBMIT_TASKS, Actor, require_scopes
from controlplane.workspaces.queries import get_workspace_slug
from controlplane.workspaces.services import record_audit
from tasks_app.batches import prune_one


def start_test(
    *,
    workspace_id: UUID,
    spec: StressTestSpec,
    actor: Actor,
    confirm: str = "",
) -> StressTest:
    """Accept a test, which the dispatcher then runs. Raises Invalid without the confirmation that
    production needs; Conflict while another test of the workspace has not ended, or its queue is in
    use; Forbidden when the actor's key may not submit tasks.
    """
    require_scopes(actor, SUBMIT_TASKS)
    _require_confirmation(workspace_id, confirm)
    test = _make(workspace_id, spec, actor)
    try:
        with transaction.atomic():
            _refuse_second(workspace_id)
            test.save(force_insert=True)
            _audit(test, actor, "stress.start", **parameters_of(test))
    except IntegrityError as error:
        if "stress_one_at_a_time" not in str(error):
            raise
        _refuse_second(workspace_id)
        raise Conflict("Another stress test began at the same moment. Try again.") from error
    return test


def stop_test(*, workspace_id: UUID, test_id: UUID, actor: Actor) -> StressTest:
    """Stop submitting, cancel waiting tasks, ask running tasks to stop; the report follows.

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


def prune_tests(limit: int) -> int:
    """Remove one ended test that is older than STRESS_RETENTION_DAYS, unless `limit` is 0. Returns
    how many were removed. Reports are kept longer than their tasks."""
    before = now() - timedelta(days=settings.TASKPLANE_STRESS["RETENTION_DAYS"])
    return prune_one(StressTest.objects.all(), before=before) if limit else 0


def _make(workspace_id: UUID, spec: StressTestSpec, actor: Actor) -> StressTest:
    values = spec.model_dump() | {"name": spec.title, "duration_ms": spec.task_ms}
    if spec.seed is None:
        values["seed"] = secrets.randbelow(MAX_SEED + 1)
    return StressTest(id=uuid7(), workspace_id=workspace_id, created_by=actor.label[:200], **values)


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


def _require_confirmation(workspace_id: UUID, confirm: str) -> None:
    if not settings.TASKPLANE_STRESS["MUST_CONFIRM"]:
        return
    slug = get_workspace_slug(workspace_id)
    if confirm in (slug, QUEUE):
        return
    message = (
        "This is production, and a stress test takes workers away from its work. To start it "
        f'anyway, send "confirm": "{slug}" (the workspace) or "confirm": "{QUEUE}".'
    )
    raise Invalid(errors=[FieldError(field="confirm", message=message)])


def _audit(test: StressTest, actor: Actor, action: str, **detail: Any) -> None:
    record_audit(test.workspace_id, actor, action, "stress-test", test.id, detail)
