"""The simulator against theory, and the bound against schedules found by trying all."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product

import pytest

from benchmarks.autoscaling.baselines import BASELINES, policies
from benchmarks.autoscaling.lower_bound import (
    STEP,
    fill_dips,
    lower_bound,
    possible_work,
    taut_string,
)
from scaling.simulation.engine import Simulation
from scaling.simulation.runner import Score, count_flaps, forecasts_for, geometric_mean, run
from scaling.simulation.traces import SHAPES, Trace, make_trace, run_time
from scaling.strategies import STRATEGIES, Settings, replay
from scaling.strategies.decision import Decision
from tests.unit.scaling.making import trace

SETTINGS = Settings()


def play(makers: list[Callable[[], Trace]], names: list[str]) -> list[Score]:
    return list(run(makers, partial(policies, names), SETTINGS, bound=lower_bound))


def erlang_c(servers: int, load: float) -> float:
    """The probability to wait in M/M/c with `load` erlangs."""
    terms = [load**k / math.factorial(k) for k in range(servers + 1)]
    last = terms[-1] * servers / (servers - load)
    return last / (sum(terms[:-1]) + last)


@pytest.mark.parametrize(("servers", "slots"), [(5, 1), (2, 3)])
def test_waits_are_those_of_erlangs_formula(servers: int, slots: int) -> None:
    rng = random.Random(7)
    rate, mean, places = 0.8, 5.0, servers * slots
    at, arrivals = 0.0, []
    while at < 400_000:
        at += rng.expovariate(rate)
        arrivals.append(at)
    times = [rng.expovariate(1 / mean) for _ in arrivals]
    settings = Settings(min_workers=servers, max_workers=servers, slots=slots)
    played = Simulation(trace(arrivals, times, 400_000.0), policies(["static"])[0], settings).play()
    waiting = erlang_c(places, rate * mean)
    share = sum(1 for wait in played.waits if wait > 1e-9) / len(played.waits)
    assert share == pytest.approx(waiting, abs=0.02)
    expected = waiting * mean / (places - rate * mean)
    assert sum(played.waits) / len(played.waits) == pytest.approx(expected, rel=0.08)
    assert played.paid_seconds == servers * 400_000


def test_first_come_first_served_and_start_ups_are_paid() -> None:
    made = trace([0.0, 1.0, 2.0], [100.0, 10.0, 10.0], 200.0)
    alone = Simulation(made, policies(["threshold"])[0], SETTINGS).play()
    assert alone.waits == [0.0, 99.0, 108.0]
    assert alone.paid_seconds == 200.0
    two = Settings(max_workers=2)
    helped = Simulation(made, policies(["static"])[0], two, startup=(40.0, 40.0)).play()
    assert helped.waits == [0.0, 39.0, 48.0]
    assert helped.paid_seconds == 400.0
    assert helped.changes == [(0.0, 1, 2)]


def test_a_worker_that_drains_is_paid_until_its_task_ends() -> None:
    made = trace([5.0, 25.0, 130.0], [200.0, 300.0, 1.0], 600.0)
    played = Simulation(made, policies(["threshold"])[0], SETTINGS, first_workers=3).play()
    # One goes at 0 s, idle; one at 120 s, with the younger task, which ends at 325 s. What comes
    # later waits for the other one, which is free at 205 s.
    assert played.changes == [(0.0, 3, 2), (120.0, 2, 1)]
    assert played.waits == [0.0, 0.0, 75.0]
    assert played.paid_seconds == 600.0 + 325.0
    assert played.cut_tasks == 0


def test_policies_that_stop_the_newest_worker_cut_its_long_task() -> None:
    made = trace([1.0, 2.0], [2_000.0, 2_000.0], 1_800.0)
    settings = Settings(max_workers=2)
    blind = Simulation(made, BASELINES["judoscale"], settings, first_workers=2).play()
    assert blind.cut_tasks == 1
    ours = Simulation(made, policies(["predictive"])[0], settings, first_workers=2).play()
    assert ours.cut_tasks == 0


def test_the_same_seed_is_the_same_day() -> None:
    names = ["predictive", "threshold"]
    days = [list(play([lambda: make_trace("cron", 3, seconds=3_600.0)], names)) for _ in range(2)]
    assert days[0] == days[1]
    assert days[0][0].tasks == days[0][1].tasks > 1_000
    assert make_trace("cron", 3, seconds=600.0) != make_trace("cron", 4, seconds=600.0)


def test_every_decision_of_a_played_day_replays() -> None:
    made = make_trace("bursty", 11, seconds=2 * 3_600.0)
    for name in STRATEGIES:
        played = Simulation(
            made,
            policies([name])[0],
            SETTINGS,
            forecasts=forecasts_for(replace(made, history=made.history[-3_000:])),
            keep=True,
        ).play()
        assert len(played.decisions) == 720
        for demand, before, outcome in played.decisions[::7]:
            record = Decision(name, demand, SETTINGS, before, outcome).to_json()
            assert replay(record).outcome == outcome


def test_the_default_meets_the_objective_where_the_thresholds_alone_do_not() -> None:
    makers = [lambda: make_trace("diurnal", 901, seconds=14 * 3_600.0)]
    ours, documented, always = play(makers, ["predictive", "threshold", "static"])
    assert ours.on_time >= 0.95 > documented.on_time
    assert 1 < ours.ratio < 1.7
    assert ours.worker_hours < always.worker_hours / 1.5


@pytest.mark.parametrize("name", SHAPES)
def test_traces_are_days_in_order_with_their_history(name: str) -> None:
    made = make_trace(name, 5, seconds=7_200.0)
    assert made.arrivals == sorted(made.arrivals)
    assert len(made.arrivals) == len(made.run_times)
    assert len(made.history) == 7 * 1_440
    assert bool(made.expected) == (name == "cron-known")


def test_run_times_have_the_mean_and_the_tail_that_they_should() -> None:
    rng = random.Random(8)
    times = sorted(run_time(rng) for _ in range(200_000))
    assert sum(times) / len(times) == pytest.approx(5.0, rel=0.1)
    assert 60 < times[-100] <= 1_800
    assert sum(times[-2_000:]) / sum(times) == pytest.approx(0.3, abs=0.05)


def test_possible_work_is_the_sum_of_ramps() -> None:
    rng = random.Random(9)
    begins = [rng.uniform(0, 200) for _ in range(30)]
    times = [rng.expovariate(1 / 20) for _ in begins]
    for k, done in enumerate(possible_work(begins, times, 30)):
        expected = sum(min(t, max(0.0, k * STEP - b)) for b, t in zip(begins, times, strict=True))
        assert done == pytest.approx(expected)


def test_the_taut_string_is_within_its_limits_and_bends_only_at_them() -> None:
    rng = random.Random(10)
    for _ in range(200):
        steps = rng.randint(1, 40)
        high = [0.0]
        for _ in range(steps):
            high.append(high[-1] + rng.choice([0, 0, 1, 5]) * rng.random())
        low = [max(0.0, high[max(0, k - 3)] - rng.random()) for k in range(steps + 1)]
        low = [max(low[: k + 1]) for k in range(steps + 1)]
        rises = taut_string(low, high)
        path = [low[0]]
        for rise in rises:
            path.append(path[-1] + rise)
        assert path[-1] == pytest.approx(low[-1])
        for k in range(1, steps):
            assert low[k] - 1e-9 <= path[k] <= high[k] + 1e-9
            if rises[k] > rises[k - 1] + 1e-9:
                assert path[k] == pytest.approx(high[k])
            if rises[k] < rises[k - 1] - 1e-9:
                assert path[k] == pytest.approx(low[k])


def test_short_dips_are_filled_long_ones_are_not() -> None:
    assert fill_dips([0, 3, 1, 1, 2, 0, 0, 0, 2, 0], 3) == [0, 3, 2, 2, 2, 0, 0, 0, 2, 0]
    assert fill_dips([1, 0], 3) == [1, 0]
    assert fill_dips([], 3) == []


def cheapest(tasks: list[tuple[int, int]], steps: int, patience: int, startup: float) -> float:
    """Try every number of workers (0 to 2) in every step, tasks first come first served, whole
    steps, never late; what it costs, or infinity.
    """
    best = math.inf
    for plan in product(range(3), repeat=steps):
        if plan_serves(plan, tasks, patience):
            rises = sum(max(0, b - a) for a, b in zip((0, *plan), plan, strict=False))
            best = min(best, sum(plan) * STEP + rises * startup)
    return best


def plan_serves(plan: tuple[int, ...], tasks: list[tuple[int, int]], patience: int) -> bool:
    free = list(plan)
    for arrival, length in tasks:
        for start in range(arrival, arrival + patience + 1):
            taken = range(start, start + length)
            if start + length <= len(plan) and all(free[k] for k in taken):
                for k in taken:
                    free[k] -= 1
                break
        else:
            return False
    return True


def test_no_schedule_is_cheaper_than_the_bound() -> None:
    rng = random.Random(11)
    tight = 0
    for _ in range(25):
        steps, patience = 8, rng.choice([0, 1, 2])
        tasks = sorted((rng.randrange(5), rng.randint(1, 3)) for _ in range(rng.randint(1, 4)))
        startup = rng.choice([5.0, 20.0, 30.0])
        best = cheapest(tasks, steps, patience, startup)
        if best == math.inf:
            continue
        settings = Settings.model_construct(
            min_workers=0, max_workers=2, objective_seconds=max(1e-6, patience * STEP)
        )
        made = trace([a * STEP for a, _ in tasks], [n * STEP for _, n in tasks], steps * STEP)
        bound = lower_bound(made, settings, startup)
        assert bound <= best + 1e-6
        tight += bound > best * 0.99
    assert tight >= 5


def test_flaps_are_turns_within_ten_minutes() -> None:
    changes = [(0.0, 1, 2), (100.0, 2, 3), (200.0, 3, 2), (900.0, 2, 3), (1_500.0, 3, 1)]
    assert count_flaps(changes) == 2
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2.0)
