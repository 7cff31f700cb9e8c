"""The figures of a span are those of its roll-ups, added up one by one."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from controlplane.core.errors import Invalid
from controlplane.core.runtime.histograms import merge
from tasks_app.models import Rollup
from tasks_app.queries.histogram_sums import MAX_ROLLUPS, sum_histograms
from tasks_app.queries.performance import COUNTS, Figures, summarize_span
from tests.clients import default_workspace, other_workspace
from tests.factories import make_queue

HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = 30
TYPES = ("mail", "report", 'a "quoted", one')


@pytest.fixture
def rollups(db: None) -> list[Rollup]:
    """Those of the span; around it are others that do not count."""
    random = Random(7)

    def histogram() -> dict[str, int]:
        buckets = random.sample(range(-48, 240), random.randint(0, 25))
        return {str(bucket): random.randint(1, 2**40) for bucket in buckets}

    def make(at: datetime, queue_id: int, type_name: str, seconds: int = 3_600) -> Rollup:
        counts = {name: random.randint(0, 2**33) for name in COUNTS}
        longest = random.choice([None, random.random() * 1e6])
        return Rollup(
            workspace_id=workspace, seconds=seconds, at=at, queue_id=queue_id, type=type_name,
            runs=histogram(), waits=histogram(), run_ms=random.random() * 1e6,
            wait_ms=random.random() * 1e6, longest_run_ms=longest, longest_wait_ms=longest,
            **counts,
        )  # fmt: skip

    workspace = other_workspace().id
    foreign = make(BEGIN, make_queue("first").id, "mail")
    workspace = default_workspace().id
    queues = [make_queue(name).id for name in ("first", "second")]
    inside = [
        make(BEGIN + HOUR * number, queue, type_name)
        for number in range(HOURS)
        for queue in queues
        for type_name in TYPES
        if random.random() < 0.7
    ]
    outside = [
        make(BEGIN - HOUR, queues[0], "mail"),
        make(BEGIN + HOUR * HOURS, queues[0], "mail"),
        make(BEGIN, queues[0], "mail", seconds=60),
        make(BEGIN, queues[0], "workflow-join"),
    ]
    Rollup.objects.bulk_create([foreign, *inside, *outside])
    return inside


@pytest.mark.parametrize("factor", [1, 4])
def test_sums_by_step_type_and_queue(rollups: list[Rollup], factor: int) -> None:
    step = HOUR * factor
    found = summarize_span(default_workspace().id, BEGIN, BEGIN + HOUR * HOURS, HOUR, step)
    names = {make_queue(name).id: name for name in ("first", "second")}

    def check(figures: Figures, belongs: Callable[[Rollup], bool]) -> None:
        _check(figures, [each for each in rollups if belongs(each)])

    check(found.total, lambda each: True)
    assert {name for name, _ in found.by_type} == set(TYPES)
    for name, figures in found.by_type:
        check(figures, lambda each, name=name: each.type == name)  # type: ignore[misc]
    assert {name for name, _ in found.by_queue} == set(names.values())
    for name, figures in found.by_queue:
        check(figures, lambda each, name=name: names[each.queue_id] == name)  # type: ignore[misc]
    for at, figures in found.series:
        check(figures, lambda each, at=at: at <= each.at < at + step)  # type: ignore[misc]


def test_of_one_type(rollups: list[Rollup]) -> None:
    found = summarize_span(
        default_workspace().id, BEGIN, BEGIN + HOUR * HOURS, HOUR, HOUR, types=["mail"]
    )
    _check(found.total, [each for each in rollups if each.type == "mail"])


def test_too_many_roll_ups_are_refused() -> None:
    types = "[" + ",".join(['"mail"'] * (MAX_ROLLUPS + 1)) + "]"
    with pytest.raises(Invalid, match="Choose a shorter window"):
        sum_histograms([(BEGIN, types, "[]", "[]", "[]")])


def _check(figures: Figures, rollups: Sequence[Rollup]) -> None:
    for name in COUNTS:
        assert getattr(figures, name) == sum(getattr(each, name) for each in rollups)
    for kind in ("run", "wait"):
        times = [getattr(each, f"{kind}_ms") for each in rollups]
        assert getattr(figures, f"{kind}_ms") == pytest.approx(sum(times))
        longest = [getattr(each, f"longest_{kind}_ms") for each in rollups]
        assert getattr(figures, f"longest_{kind}_ms") == max(
            (each for each in longest if each is not None), default=None
        )
        stored = [getattr(each, f"{kind}s") for each in rollups]
        expected = merge({int(key): count for key, count in each.items()} for each in stored)
        assert getattr(figures, f"{kind}s") == expected
