"""Stress tests as their service starts them."""

from typing import Any

from controlplane.ops.stress import control
from controlplane.ops.stress.models import StressTest
from controlplane.ops.stress.spec import make_spec
from controlplane.workspaces.actors import SYSTEM, Actor
from controlplane.workspaces.models import Workspace
from tests.clients import default_workspace


def make_stress_test(
    tasks: int, *, workspace: Workspace | None = None, actor: Actor = SYSTEM, **spec: Any
) -> StressTest:
    """A test that the dispatcher has not seen yet."""
    return control.start_test(
        workspace_id=(workspace or default_workspace()).id,
        spec=make_spec(tasks=tasks, **spec),
        actor=actor,
    )
