"""What a test submits: shares, shapes, fates, and that a plan goes on where it stopped."""

import pytest

from controlplane.stress.lots import is_doomed
from controlplane.stress.planning import Planned, Progress, Wanted, count_edges, plan_next


def wanted(tasks: int = 2_000, **fields: object) -> Wanted:
    values = {
        "type": "sleep",
        "failure_rate": 0.1,
        "dependent_share": 0.3,
        "shape": "mixed",
        "seed": 1,
    }
    return Wanted(tasks=tasks, **{**values, **fields})  # type: ignore[arg-type] # of the test's choice


def plan(asked: Wanted, *, want: int = 500, most: int = 500) -> list[Planned]:
    progress, planned = Progress(), []
    while chunk := plan_next(asked, progress, want=want, most=most):
        assert len(chunk) <= most
        planned += chunk
    assert progress.tasks == len(planned)
    return planned


def test_the_same_share_fails_each_time_and_every_index_by_itself() -> None:
    drawn = [is_doomed(5, index, 0.2) for index in range(20_000)]
    assert drawn == [is_doomed(5, index, 0.2) for index in range(20_000)]
    assert 0.18 < sum(drawn) / len(drawn) < 0.22
    assert drawn != [is_doomed(6, index, 0.2) for index in range(20_000)]
    assert not any(is_doomed(5, index, 0.0) for index in range(100))
    assert all(is_doomed(5, index, 1.0) for index in range(100))


@pytest.mark.parametrize("shape", ["mixed", "chains", "fan-in"])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.5, 0.8])
def test_the_share_of_dependents_is_met(shape: str, share: float) -> None:
    planned = plan(wanted(shape=shape, dependent_share=share))
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
    for task in plan(wanted(shape="chains", dependent_share=0.8)):
        depth[task.index] = 1 + max((depth[parent] for parent in task.parents), default=0)
    assert max(depth.values()) == 5


@pytest.mark.parametrize("want", [1, 7, 500])
def test_a_plan_does_not_depend_on_how_it_is_cut(want: int) -> None:
    assert plan(wanted(tasks=700), want=want) == plan(wanted(tasks=700))


def test_families_fit_into_a_small_chunk() -> None:
    planned = plan(wanted(tasks=200, dependent_share=0.5), most=3)
    assert len(planned) == 200
    assert count_edges(planned) > 50


def test_fates_follow_from_lots_and_parents() -> None:
    asked = wanted(failure_rate=0.3, dependent_share=0.6)
    planned = plan(asked)
    fates = {task.index: task.fate for task in planned}
    assert set(fates.values()) == {"C", "F", "X"}
    for task in planned:
        is_broken = any(fates[parent] != "C" for parent in task.parents)
        if is_broken and not task.runs_anyway:
            assert task.fate == "X"
        else:
            assert task.fate == ("F" if is_doomed(1, task.index, 0.3) else "C")
    assert any(task.runs_anyway and task.parents for task in planned)


def test_flaky_tasks_all_complete() -> None:
    assert {task.fate for task in plan(wanted(type="flaky", failure_rate=1.0))} == {"C"}
