"""Any history keeps the promises of docs/state-machine.md."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.machine import TransitionsMachine

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

_COMMON = settings(
    deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
)
# The suite runs the same histories every time; HISTORIES=deep searches for new ones, and shortens
# those that fail, which takes minutes.
PROFILES = {
    "ci": settings(
        _COMMON,
        max_examples=40,
        stateful_step_count=40,
        derandomize=True,
        phases=[Phase.generate],
    ),
    "deep": settings(_COMMON, max_examples=2_000, stateful_step_count=50),
}


@pytest.mark.nightly
@pytest.mark.ci
def test_histories() -> None:
    profile = PROFILES[os.environ.get("HISTORIES", "ci")]
    run_state_machine_as_test(TransitionsMachine, settings=profile)
