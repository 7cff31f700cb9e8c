"""People who set the fleet at the same moment: each change is whole, none is lost unseen."""

from functools import partial
from typing import Any

import pytest

from controlplane.core.errors import Conflict, Invalid
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from controlplane.workspaces.queries import get_default_workspace_id
from scaling.configuration import change_configuration
from scaling.models import Pool, ScalingEvent
from scaling.overrides import set_override
from scaling.queries.pool import get_pool
from tests.clients import key_client
from tests.concurrency.racing import Racers
from tests.factories import make_leader

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _environment(settings: Any) -> None:
    settings.TASKPLANE_SCALING = {
        **settings.TASKPLANE_SCALING, "MIN_WORKERS": 1, "MAX_WORKERS": 10,
    }  # fmt: skip
    make_leader()


def override(workers: int) -> Any:
    return set_override(
        workers=workers,
        reason="a race",
        hold_seconds=None,
        workspace_id=get_default_workspace_id(),
        actor=SYSTEM,
    )


def configure(changes: dict[str, Any], seen_version: int | None = None) -> bool:
    try:
        change_configuration(
            changes,
            workspace_id=get_default_workspace_id(),
            actor=SYSTEM,
            seen_version=seen_version,
        )
    except Conflict:
        return False
    return True


def test_of_many_overrides_the_one_in_force_waits(eight: Racers) -> None:
    eight.race(*[partial(override, workers) for workers in range(2, 10)])
    waiting = ScalingEvent.objects.get(state="WAITING")
    assert waiting.to_workers == Pool.objects.get().manual_workers
    assert ScalingEvent.objects.filter(state="SUPERSEDED").count() == 7
    assert AuditEvent.objects.filter(action="scaling.scale").count() == 8


def test_one_key_sets_once(eight: Racers) -> None:
    body = {"workers": 4, "reason": "a race", "idempotencyKey": "key"}
    calls = [
        partial(key_client("operator").post, "/auto-scaling/scale", body, format="json")
        for _ in range(8)
    ]
    answers = eight.race(*calls)
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert ScalingEvent.objects.count() == 1


def test_changes_of_different_values_are_all_kept(two: Racers) -> None:
    get_pool()
    changes: list[dict[str, Any]] = [{"max_workers": 20}, {"objective_seconds": 30.0}]
    assert two.race(*[partial(configure, each) for each in changes]) == [True, True]
    pool = Pool.objects.get()
    assert (pool.overrides, pool.version) == ({"max_workers": 20, "objective_seconds": 30.0}, 3)


def test_of_two_who_saw_the_same_one_wins(two: Racers) -> None:
    get_pool()
    changes: list[dict[str, Any]] = [{"max_workers": 20}, {"max_workers": 30}]
    won = two.race(*[partial(configure, each, 1) for each in changes])
    assert sorted(won) == [False, True]
    assert Pool.objects.get().overrides == changes[won.index(True)]


def test_changes_that_contradict_each_other_only_together(two: Racers) -> None:
    """Each is fine alone; the second is refused."""
    get_pool()

    def attempt(changes: dict[str, Any]) -> bool:
        try:
            return configure(changes)
        except Invalid:
            return False

    won = two.race(partial(attempt, {"min_workers": 8}), partial(attempt, {"max_workers": 5}))
    assert sorted(won) == [False, True]
