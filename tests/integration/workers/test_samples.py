"""The trend of a node: what is kept of it, and for how long."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from controlplane.core.clock import now
from tasks_app.services import prune_everything
from tests.factories import make_node, make_sample
from tests.factories.tasks import SampleFactory
from workers import services
from workers.counters import Counters
from workers.measures import Usage
from workers.models import Node, NodeSample

pytestmark = pytest.mark.django_db
USAGE = Usage(cpu_percent=150.5, memory_bytes=1 << 30, processes=4)


def samples_of(node: Node, *, since: timedelta, every: timedelta, count: int) -> None:
    """Samples from the start of an hour, `since` ago, on."""
    first = (now() - since).replace(minute=0, second=0, microsecond=0)
    NodeSample.objects.bulk_create(
        SampleFactory.build(node=node, at=first + every * number, processed=number)
        for number in range(count)
    )


def thin(limit: int = 1_000) -> int:
    """Until nothing more is removed, also by a batch that only kept; how many were."""
    removed = [services.prune_samples(limit=limit) for _ in range(40)]
    assert removed[-1] == 0
    return sum(removed)


def test_a_sample_is_kept_and_shown_on_the_node() -> None:
    node = make_node()
    counters = Counters(running=2, processed=10, failed=3)
    assert services.record_sample(node.id, counters, USAGE)
    node.refresh_from_db()
    assert (node.cpu_percent, node.memory_bytes) == (150.5, 1 << 30)
    sample = NodeSample.objects.get(node=node)
    assert (sample.cpu_percent, sample.memory_bytes, sample.grain_seconds) == (150.5, 1 << 30, 0)
    assert (sample.running, sample.processed, sample.failed) == (2, 10, 3)
    assert not services.record_sample(node.id + 1, counters, USAGE)


@pytest.mark.parametrize("limit", [7, 1_000])
def test_after_a_day_one_of_ten_minutes_is_kept(limit: int) -> None:
    """Also where batches cut a span in two."""
    node, another = make_node(), make_node()
    samples_of(node, since=timedelta(hours=30), every=timedelta(minutes=2), count=60)
    samples_of(another, since=timedelta(hours=30), every=timedelta(minutes=2), count=5)
    samples_of(node, since=timedelta(hours=2), every=timedelta(minutes=2), count=10)
    assert thin(limit) == 48 + 4
    kept = NodeSample.objects.filter(node=node).order_by("at")
    assert [(s.processed, s.grain_seconds) for s in kept] == [
        *((number, 600) for number in range(0, 60, 5)),
        *((number, 0) for number in range(10)),
    ]
    assert NodeSample.objects.get(node=another).processed == 0


def test_a_year_of_trend_is_small_and_then_ends() -> None:
    node = make_node()
    samples_of(node, since=timedelta(days=400), every=timedelta(minutes=20), count=3)
    samples_of(node, since=timedelta(days=40), every=timedelta(minutes=5), count=24)
    assert thin() == 3 + 22
    found = NodeSample.objects.filter(node=node)
    assert sorted((s.processed, s.grain_seconds) for s in found) == [(0, 3_600), (12, 3_600)]


def test_spans_begin_at_full_hours_whatever_the_zone() -> None:
    """All nodes are thinned at the same moments, so that their trends can be added up."""
    node = make_node()
    samples_of(node, since=timedelta(days=40), every=timedelta(minutes=25), count=12)
    thin()
    hours = Counter(s.at.astimezone(UTC).replace(minute=0) for s in node.samples.all())
    assert set(hours.values()) == {1}
    assert len(hours) == 5


def test_a_node_stays_as_long_as_its_samples() -> None:
    ended = now() - timedelta(days=settings.TASKPLANE["ATTEMPT_RETENTION_DAYS"] + 8)
    node = make_node(state="STOPPED", stopped_at=ended)
    sample = make_sample(node, at=ended)
    prune_everything()
    assert Node.objects.filter(id=node.id).exists()
    NodeSample.objects.filter(id=sample.id).update(at=datetime(2020, 1, 1, tzinfo=UTC))
    for _ in range(3):
        removed = prune_everything()
    assert not Node.objects.filter(id=node.id).exists()
    assert {"nodes", "nodeSamples"} <= removed.keys()
