"""Workflows whose definitions change at the same moment: none runs what is gone, or itself."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from controlplane.core.errors import DomainError
from controlplane.workspaces.actors import SYSTEM
from tests.clients import default_workspace
from tests.concurrency.racing import Racers
from tests.factories import make_workflow
from workflows import authoring

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
ROUNDS = 15


def body(name: str, runs: str) -> dict[str, Any]:
    step = {"key": "sub", "type": "workflow", "payload": {"workflow": runs}}
    return {"name": name, "tasks": [step]}


def quietly(act: Callable[[], Any]) -> bool:
    """Whether it was not refused."""
    try:
        act()
    except DomainError:
        return False
    return True


def change(workflow_id: UUID, name: str, runs: str) -> None:
    authoring.update_workflow(
        workspace_id=default_workspace().id,
        workflow_id=workflow_id,
        body=body(name, runs),
        actor=SYSTEM,
    )


def test_two_that_would_run_each_other_are_not_both_stored(two: Racers) -> None:
    for number in range(ROUNDS):
        first, second = make_workflow(f"first {number}"), make_workflow(f"second {number}")
        stored = two.race(
            partial(quietly, partial(change, first.id, first.name, second.name)),
            partial(quietly, partial(change, second.id, second.name, first.name)),
        )
        assert sorted(stored) == [False, True]


def test_a_workflow_is_deleted_or_run_by_another(two: Racers) -> None:
    workspace_id = default_workspace().id
    for number in range(ROUNDS):
        first, second = make_workflow(f"first {number}"), make_workflow(f"second {number}")
        delete = partial(
            authoring.delete_workflow,
            workspace_id=workspace_id,
            workflow_id=second.id,
            actor=SYSTEM,
        )
        stored = two.race(
            partial(quietly, partial(change, first.id, first.name, second.name)),
            partial(quietly, delete),
        )
        assert sorted(stored) == [False, True]
