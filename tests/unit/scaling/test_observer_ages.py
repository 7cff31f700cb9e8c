"""Which ages stand for the running tasks."""

from scaling.queries.demand import RunningGroup, represent


def sync(*ages: float) -> list[RunningGroup]:
    return [RunningGroup(False, age, 1) for age in ages]


def flying(*groups: tuple[float, int]) -> list[RunningGroup]:
    return [RunningGroup(True, age, tasks) for age, tasks in groups]


def test_each_sync_task_has_a_slot() -> None:
    assert represent(sync(30.04, 2.0), slots=4, share=500) == (30.0, 2.0)


def test_of_more_than_there_are_slots_the_oldest_run() -> None:
    batch = [*sync(7.0), RunningGroup(False, 0.2, 200)]
    assert represent(batch, slots=2, share=500) == (7.0, 0.2)


def test_async_tasks_share_slots() -> None:
    assert represent(flying((60.0, 1_000)), slots=2, share=500) == (60.0, 60.0)
    assert represent(flying((60.0, 749)), slots=2, share=500) == (60.0,)
    assert represent(flying((60.0, 750)), slots=2, share=500) == (60.0, 60.0)


def test_the_oldest_of_each_share_stands_for_it() -> None:
    groups = flying((90.0, 1), (50.0, 3), (20.0, 4))
    assert represent(groups, slots=8, share=4) == (90.0, 20.0)


def test_fewer_than_half_a_slot_take_none_from_others() -> None:
    groups = [*flying((60.0, 249)), *sync(4.0)]
    assert represent(groups, slots=2, share=500) == (4.0,)
    assert represent([*flying((60.0, 250)), *sync(4.0)], slots=2, share=500) == (60.0, 4.0)


def test_what_runs_is_never_nothing() -> None:
    assert represent(flying((60.0, 1)), slots=2, share=500) == (0.0,)
    assert represent(sync(60.0), slots=0, share=500) == (0.0,)
    assert represent([], slots=2, share=500) == ()


def test_a_share_of_one_is_as_sync() -> None:
    assert represent(flying((9.0, 1), (3.0, 2)), slots=1, share=1) == (9.0, 3.0, 3.0)
