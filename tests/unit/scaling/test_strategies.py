"""What each strategy promises."""

import json
import random
from dataclasses import replace

import pytest

from scaling.simulation.traces import run_time
from scaling.strategies import (
    STRATEGIES,
    Constraint,
    Expected,
    Memory,
    Rule,
    RunTimes,
    Settings,
    decide,
    replay,
)
from scaling.strategies.predictive import blocked_slots, safety_factor
from tests.unit.scaling.making import AT, demand, forecast, random_demand

SETTINGS = Settings()
each_strategy = pytest.mark.parametrize("name", STRATEGIES)


@each_strategy
def test_a_recorded_decision_replays_as_itself(name: str) -> None:
    rng = random.Random(1)
    memory = Memory()
    for _ in range(100):
        made = decide(name, random_demand(rng), SETTINGS, memory)
        assert replay(json.loads(json.dumps(made.to_json(), allow_nan=False))) == made
        memory = made.outcome.memory


@each_strategy
def test_the_limits_hold_and_are_named(name: str) -> None:
    rng = random.Random(2)
    settings = Settings(min_workers=2, max_workers=5)
    constraints = set()
    for _ in range(300):
        made = decide(name, random_demand(rng), settings, Memory())
        assert 2 <= made.desired <= 5
        if made.outcome.recommended > made.desired and made.desired > made.demand.workers:
            assert made.outcome.constraint is Constraint.MAX
        constraints.add(made.outcome.constraint)
    assert {Constraint.MIN, Constraint.MAX} & constraints


@each_strategy
def test_stale_figures_change_nothing(name: str) -> None:
    made = decide(name, demand(waiting=500, measured_at=AT - 61), SETTINGS, Memory())
    assert (made.change, made.outcome.constraint) == (0, Constraint.STALE)
    assert "61 s old" in made.outcome.sentence


@each_strategy
def test_from_no_worker_the_first_task_gets_one(name: str) -> None:
    settings = Settings(min_workers=0)
    idle = demand(ready=0, ages=(), waiting=0, per_second=0.0)
    assert decide(name, idle, settings, Memory()).desired == 0
    one = replace(idle, waiting=1, run_times=RunTimes.of([0.05] * 100))
    assert decide(name, one, settings, Memory()).desired == 1


def test_the_threshold_rule_takes_one_step_and_rests() -> None:
    first = decide("threshold", demand(waiting=50), SETTINGS, Memory())
    assert (first.desired, first.outcome.rule) == (3, Rule.THRESHOLD)
    soon = demand(waiting=80, at=AT + 59, ready=2, starting=(1.0,))
    second = decide("threshold", soon, SETTINGS, first.outcome.memory)
    assert (second.desired, second.outcome.constraint) == (3, Constraint.COOLDOWN)
    later = replace(soon, at=AT + 60, measured_at=AT + 60)
    assert decide("threshold", later, SETTINGS, first.outcome.memory).desired == 4
    assert decide("threshold", demand(waiting=10), SETTINGS, Memory()).desired == 2
    assert decide("threshold", demand(waiting=9), SETTINGS, Memory()).desired == 1


def test_the_objective_adds_load_and_backlog_in_units_of_time() -> None:
    # 1/s of 5 s at 95 % busy are 5.26 workers; 24 waiting tasks of 5 s in 60 s are 2 more.
    made = decide("objective", demand(per_second=1.0, waiting=24), SETTINGS, Memory())
    assert made.desired == 8
    quick = RunTimes.of([0.05] * 100)
    assert decide("objective", demand(waiting=50, run_times=quick), SETTINGS, Memory()).desired == 2


def test_shrinking_waits_for_the_window_growing_does_not() -> None:
    busy = decide("objective", demand(per_second=1.0), SETTINGS, Memory())
    assert busy.desired == 6
    memory = busy.outcome.memory
    for after in range(10, 181, 10):
        calm = demand(at=AT + after, per_second=0.0, ready=6, ages=())
        made = decide("objective", calm, SETTINGS, memory)
        memory = made.outcome.memory
        assert made.desired == (6 if after < 180 else 1)
        assert (made.outcome.constraint is Constraint.STABILISATION) == (after < 180)


def test_a_loop_that_was_silent_starts_afresh() -> None:
    before = decide("predictive", demand(per_second=0.0), SETTINGS, Memory()).outcome.memory
    for silence, desired in ((60, 1), (61, 6), (86_400, 6)):
        calm = demand(at=AT + silence, per_second=0.0, ready=6, ages=())
        assert decide("predictive", calm, SETTINGS, before).desired == desired


def test_a_loop_that_starts_afresh_shrinks_nothing_at_first() -> None:
    calm = demand(per_second=0.0, ready=6, ages=())
    made = decide("predictive", calm, SETTINGS, Memory())
    assert (made.desired, made.outcome.constraint) == (6, Constraint.STABILISATION)
    later = replace(calm, at=AT + 60, measured_at=AT + 60)
    assert decide("predictive", later, SETTINGS, made.outcome.memory).desired == 1


def test_the_smallest_number_whose_wait_is_short_enough() -> None:
    made = decide("unguarded", demand(waiting=60, per_second=0.5), SETTINGS, Memory())
    waits = dict(made.outcome.table)
    allowed = SETTINGS.objective_seconds * (
        1 - safety_factor(made.demand, SETTINGS) * (1 - SETTINGS.minimum_wait_share)
    )
    assert waits[made.desired] <= allowed < waits[made.desired - 1]
    assert list(waits.values()) == sorted(waits.values(), reverse=True)
    assert f"{made.desired} workers" in made.outcome.sentence


def test_workers_that_start_are_counted_when_they_are_ready() -> None:
    alone = decide("unguarded", demand(waiting=60, per_second=0.4), SETTINGS, Memory())
    soon = demand(waiting=60, per_second=0.4, starting=(5.0, 5.0))
    assert (
        decide("unguarded", soon, SETTINGS, Memory()).outcome.recommended
        <= alone.outcome.recommended
    )


def test_long_tasks_block_their_slots() -> None:
    mixed = RunTimes.of([1.0] * 990 + [600.0] * 10)
    short = demand(run_times=mixed, ages=(0.2, 0.3))
    held = demand(run_times=mixed, ages=(300.0, 0.3))
    assert blocked_slots(short) < 0.2
    assert blocked_slots(held) > 0.8
    loads = [replace(each, waiting=40, per_second=1.2) for each in (short, held)]
    few, many = (decide("unguarded", each, SETTINGS, Memory()).desired for each in loads)
    assert (few, many) == (3, 5)


def test_with_fewer_on_time_the_safety_factor_rises() -> None:
    fine = demand(started=1_000, on_time=995)
    late = demand(started=1_000, on_time=940)
    assert (safety_factor(fine, SETTINGS), safety_factor(late, SETTINGS)) == (0.0, 1.0)
    recommendations = [
        decide("unguarded", replace(each, waiting=40, per_second=0.8), SETTINGS, Memory()).desired
        for each in (fine, late)
    ]
    assert recommendations[0] < recommendations[1]


def test_a_forecast_raises_the_recommendation_only_when_trusted_and_never_lowers_it() -> None:
    now = demand(per_second=0.5)
    without = decide("predictive", now, SETTINGS, Memory())
    high = [forecast(30, 120, 120, 120, trusted=trusted) for trusted in (True, False)]
    raised, ignored = (
        decide("predictive", replace(now, forecast=each), SETTINGS, Memory()) for each in high
    )
    assert (raised.outcome.rule, ignored.desired) == (Rule.FORECAST, without.desired)
    assert raised.desired > without.desired
    nothing = replace(now, forecast=forecast(0, 0, 0, 0))
    assert decide("predictive", nothing, SETTINGS, Memory()).desired == without.desired
    off = SETTINGS.model_copy(update={"use_forecast": False})
    assert decide("predictive", raised.demand, off, Memory()).desired == without.desired


@pytest.mark.parametrize("name", ["predictive", "unguarded", "objective"])
def test_what_a_schedule_will_bring_is_read(name: str) -> None:
    soon = demand(expected=(Expected(AT + 75, 120),))
    late = demand(expected=(Expected(AT + 900, 120),))
    assert decide(name, soon, SETTINGS, Memory()).desired > 3
    assert decide(name, late, SETTINGS, Memory()).desired <= 3


def test_what_is_scheduled_and_forecast_is_counted_once() -> None:
    predicted = forecast(18, 118, 18, 18)
    both = demand(per_second=0.3, forecast=predicted, expected=(Expected(AT + 65, 100),))
    one = replace(both, forecast=None)
    tables = [decide("unguarded", e, SETTINGS, Memory()).outcome.table for e in (both, one)]
    assert tables[0] == tables[1]


def test_of_many_running_tasks_bins_are_as_good_as_each() -> None:
    rng = random.Random(12)
    known = RunTimes.of([run_time(rng) for _ in range(1_000)])
    ages = tuple(rng.expovariate(1 / 30) for _ in range(4_000))
    many = demand(run_times=known, ages=ages, ready=500)
    each = sum(blocked_slots(replace(many, ages=(age,))) for age in ages)
    assert blocked_slots(many) == pytest.approx(each, rel=0.02)


def test_the_default_is_never_behind_the_documented_thresholds() -> None:
    rng = random.Random(3)
    memory = Memory()
    grown = kept = 0
    for _ in range(2_000):
        each = random_demand(rng)
        made = decide("predictive", each, SETTINGS, memory)
        if each.waiting >= SETTINGS.scale_up_threshold:
            assert made.desired >= decide("threshold", each, SETTINGS, memory).desired
            grown += made.outcome.rule is Rule.THRESHOLD
        if each.waiting >= SETTINGS.scale_down_threshold:
            assert made.desired >= min(each.workers, SETTINGS.max_workers)
            kept += made.outcome.constraint is Constraint.WAITING
        memory = made.outcome.memory if rng.random() < 0.9 else Memory()
    assert grown > 0
    assert kept > 0


def test_a_fleet_of_many_is_decided_with_few_rows() -> None:
    settings = Settings.model_construct(max_workers=5_000, slots=4)
    made = decide("predictive", demand(waiting=90_000, per_second=900.0), settings, Memory())
    assert 900 * 5 / 4 < made.desired < 5_000
    assert len(made.outcome.table) <= 6


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_workers": 3, "max_workers": 2},
        {"slots": 0},
        {"objective_seconds": 0},
        {"scale_down_threshold": 51},
    ],
)
def test_settings_that_contradict_each_other_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Settings(**wrong)  # type: ignore[arg-type] # numbers
