"""A model that accepts anything proves nothing: without a guard, the histories must fail.

All guards, and the races that watch over the others: ./scripts/mutate-guards.
"""

from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from controlplane.core.sql import load_sql
from tasks_app import transitions
from tests.property.guards import GUARDS, Guard
from tests.property.machine import TransitionsMachine
from tests.property.test_transitions import PROFILES

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

SAMPLE = ["finish: the lease", "release: the lease", "satisfy: policy of a failed parent"]


@pytest.mark.nightly
@pytest.mark.parametrize("guard", [g for g in GUARDS if g.name in SAMPLE], ids=lambda g: g.name)
def test_histories_fail_without_a_guard(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = Path(guard.file).stem

    def without_it(app: str, name: str) -> str:
        text = load_sql(app, name)
        return guard.remove_from(text) if name == statement else text

    monkeypatch.setattr(transitions, "load_sql", without_it)
    profile = settings(PROFILES["ci"], report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(TransitionsMachine, settings=profile)


def test_every_guard_stands_where_it_is_looked_for() -> None:
    for guard in GUARDS:
        guard.remove_from(Path(guard.file).read_text(encoding="utf-8"))
    assert set(SAMPLE) <= {guard.name for guard in GUARDS}
