"""What a test submits: shares, shapes, outcomes, and that a plan goes on where it stopped."""

import pytest

from controlplane.ops.stress.plan import (
    Planned,
    PlanPosition,
    count_edges,
    plan_next,
    should_fail,
)
from controlplane.ops.stress.spec import StressTestSpec, make_spec


def spec(tasks: int = 2_000, **fields: object) -> StressTestSpec:
    values = {
        "type": "sleep",
        "failure_rate": 0.1,
        "dependent_share": 0.3,
        "shape": "mixed",
        "seed": 1,
    }
    return make_spec(tasks=tasks, **{**values, **fields})


def plan(asked: StressTestSpec, *, want: int = 500, most: int = 500) -> list[Planned]:
    progress, planned = PlanPosition(), []
    while chunk := plan_next(asked, progress, minimum=want, limit=most):
        assert len(chunk) <= most
        planned += chunk
    assert progress.tasks == len(planned)
    return planned


def test_the_same_share_fails_each_time_and_every_index_by_itself() -> None:
    drawn = [should_fail(5, index, 0.2) for index in range(20_000)]
    assert drawn == [should_fail(5, index, 0.2) for index in range(20_000)]
    assert 0.18 < sum(drawn) / len(drawn) < 0.22
    assert drawn != [should_fail(6, index, 0.2) for index in range(20_000)]
    assert not any(should_fail(5, index, 0.0) for index in range(100))
    assert all(should_fail(5, index, 1.0) for index in range(100))


@pytest.mark.parametrize("shape", ["mixed", "chains", "fan-in"])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.5, 0.8])
def test_the_share_of_dependents_is_met(shape: str, share: float) -> None:
    planned = plan(spec(shape=shape, dependent_share=share))
    assert [task.index for task in planned] == list(range(2_000))
    dependents = [task for task in planned if task.parents]
    assert abs(len(dependents) / 2_000 - share) < 0.02
    assert all(parent < task.index for task in planned for parent in task.parents)
    sizes = {len(task.parents) for task in dependents}
    if shape == "chains":
        assert sizes <= {1}
    elif share:
        assert max(sizes) == (20 if share <= 0.3 else 5)


def test_chains_have_at_most_five_tasks() -> None:
    depth: dict[int, int] = {}
    for task in plan(spec(shape="chains", dependent_share=0.8)):
        depth[task.index] = 1 + max((depth[parent] for parent in task.parents), default=0)
    assert max(depth.values()) == 5


@pytest.mark.parametrize("want", [1, 7, 500])
def test_a_plan_does_not_depend_on_how_it_is_cut(want: int) -> None:
    assert plan(spec(tasks=700), want=want) == plan(spec(tasks=700))


def test_families_fit_into_a_small_chunk() -> None:
    planned = plan(spec(tasks=200, dependent_share=0.5), most=3)
    assert len(planned) == 200
    assert count_edges(planned) > 50


def test_outcomes_follow_from_lots_and_parents() -> None:
    asked = spec(failure_rate=0.3, dependent_share=0.6)
    planned = plan(asked)
    outcomes = {task.index: task.expected for task in planned}
    assert set(outcomes.values()) == {"C", "F", "X"}
    for task in planned:
        is_broken = any(outcomes[parent] != "C" for parent in task.parents)
        if is_broken and not task.runs_anyway:
            assert task.expected == "X"
        else:
            assert task.expected == ("F" if should_fail(1, task.index, 0.3) else "C")
    assert any(task.runs_anyway and task.parents for task in planned)


def test_flaky_tasks_all_complete() -> None:
    assert {task.expected for task in plan(spec(type="flaky", failure_rate=1.0))} == {"C"}
