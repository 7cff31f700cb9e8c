"""The sentence of a decision says what led to it, and never speaks against it."""

import random
import re
from collections import Counter

import pytest

from scaling.strategies import (
    STRATEGIES,
    Constraint,
    Decision,
    Memory,
    Rule,
    RunTimes,
    Settings,
    decide,
)
from tests.unit.scaling.making import demand, random_demand

SETTINGS = (
    Settings(),
    Settings(slots=4, max_workers=40),
    Settings(min_workers=0, objective_seconds=1.0),
    Settings(min_workers=3, max_workers=6, objective_seconds=300.0, goal=0.5),
)
each_strategy = pytest.mark.parametrize("name", STRATEGIES)


def read_waits(sentence: str) -> dict[int, float]:
    return {int(n): float(s) for s, n in re.findall(r"([\d.e+]+) s with (\d+)", sentence)}


def read_allowed(sentence: str) -> float:
    (found,) = re.findall(r"limit (?:is|of) ([\d.e+]+) s", sentence)
    return float(found)


def decisions(name: str, count: int = 1_500) -> list[Decision]:
    rng = random.Random(5)
    made, memory = [], Memory()
    for _ in range(count):
        made.append(decide(name, random_demand(rng), rng.choice(SETTINGS), memory))
        memory = made[-1].outcome.memory if rng.random() < 0.8 else Memory()
    return made


@each_strategy
def test_no_worker_is_added_beside_a_figure_that_says_it_is_not_needed(name: str) -> None:
    rules = Counter[Rule]()
    for made in decisions(name):
        sentence, now = made.outcome.sentence, made.demand.workers
        if made.change <= 0 or made.outcome.constraint is Constraint.MIN:
            continue
        rules[made.outcome.rule] += 1
        if waits := read_waits(sentence):
            allowed = read_allowed(sentence)
            assert waits.get(now, float("inf")) > allowed, sentence
            if made.outcome.constraint is Constraint.NONE:
                assert waits[made.desired] <= allowed, sentence
        elif made.outcome.rule is Rule.LOAD and "with headroom" in sentence:
            needed = float(re.findall(r"([\d.e+]+) are needed with headroom", sentence)[0])
            assert needed * 1.01 > now * made.settings.slots, sentence
        elif made.outcome.rule is Rule.THRESHOLD:
            assert "one worker is added" in sentence or "one is added" in sentence
    assert rules, "nothing grew"


@each_strategy
def test_no_worker_is_kept_or_let_go_against_the_figures(name: str) -> None:
    for made in decisions(name):
        sentence, now = made.outcome.sentence, made.demand.workers
        waits = read_waits(sentence)
        if not waits or made.change > 0 or made.outcome.constraint is not Constraint.NONE:
            continue
        allowed = read_allowed(sentence)
        if made.change < 0:
            assert waits[made.desired] <= allowed, sentence
        elif now - 1 in waits:
            assert waits[now - 1] > allowed, sentence


def test_a_worker_that_the_threshold_adds_is_explained_by_the_threshold() -> None:
    """60 quick tasks wait for a moment: no wait is predicted, and the documented rule grows."""
    quick = demand(waiting=60, run_times=RunTimes.of([0.01] * 200), ready=1, ages=())
    made = decide("predictive", quick, Settings(), Memory())
    assert (made.change, made.outcome.rule) == (1, Rule.THRESHOLD)
    assert made.outcome.sentence == (
        "1 → 2 workers. 60 tasks are waiting and 0.3 arrive per second, each taking 0.01 s of a "
        "slot. At 50 or more waiting tasks (scaleUpThreshold), one worker is added."
    )
    assert made.outcome.table == ()


def test_a_cooldown_that_keeps_the_threshold_from_adding_a_worker_is_shown() -> None:
    quick = demand(waiting=60, run_times=RunTimes.of([0.01] * 200), ready=1, ages=())
    memory = Memory(raised_at=quick.at - 12)
    made = decide("predictive", quick, Settings(), memory)
    assert (made.change, made.outcome.constraint, made.outcome.recommended) == (
        0,
        Constraint.COOLDOWN,
        2,
    )
    assert made.outcome.sentence.endswith(
        "2 workers are recommended, but the cooldown ends in 48 s."
    )
    assert made.outcome.memory.raised_at == memory.raised_at


def test_the_minimum_is_not_explained_by_a_worker_less() -> None:
    made = decide("threshold", demand(ready=0, ages=()), Settings(), Memory())
    assert (made.desired, made.outcome.recommended, made.outcome.constraint) == (
        1,
        0,
        Constraint.MIN,
    )
    assert made.outcome.sentence.endswith("0 workers are recommended, but the minimum is 1.")
