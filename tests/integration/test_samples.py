"""The samples of queues: once a minute, by the first that comes, and gaps that stay gaps."""

from datetime import timedelta

import pytest

from controlplane.core.clock import now
from tasks_app.models import MinuteSample, QueueSample
from tasks_app.queries.samples import MINUTE, read_lane_samples, read_samples
from tasks_app.services.samples import KEPT, prune_samples, sample_minute
from tests.clients import default_workspace, other_workspace
from tests.factories import make_node, make_queue, make_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("early_in_the_minute")]


def test_a_minute_is_sampled_once():
    make_node(concurrency=4)
    queue = make_queue("billing")
    make_task(queue=queue.name, created_at=now() - timedelta(seconds=30))
    make_task(queue=queue.name, state="RUNNING")
    make_queue("idle")
    sample_minute()
    make_task(queue=queue.name)
    sample_minute()
    (minute,) = MinuteSample.objects.all()
    (sample,) = QueueSample.objects.all()
    assert (minute.nodes, minute.slots) == (1, 4)
    assert (sample.queue_id, sample.waiting, sample.running) == (queue.id, 1, 1)
    assert 30_000 <= sample.oldest_wait_ms < 40_000
    assert sample.at == minute.at


def test_a_minute_without_sample_is_a_gap_and_a_quiet_queue_is_zero():
    end = now().replace(second=0, microsecond=0)
    begin = end - 3 * MINUTE
    queue, idle = make_queue("billing"), make_queue("idle")
    foreign = make_queue("billing", workspace=other_workspace())
    for number in (0, 1, 3):
        MinuteSample.objects.create(at=begin + number * MINUTE, nodes=1, slots=8)
    for lane, waiting in ((queue, 5), (foreign, 700)):
        QueueSample.objects.create(
            queue_id=lane.id, at=begin + MINUTE, waiting=waiting, running=2, oldest_wait_ms=1_500
        )
    found = read_samples(default_workspace().id, begin, end, MINUTE)
    assert found.waiting == [0, 5, None, 0]
    assert found.running == [0, 2, None, 0]
    assert found.slots == [8, 8, None, 8]
    assert found.longest_ms == [0, 1_500, None, 0]
    series = read_lane_samples([queue.id, idle.id], begin, end, MINUTE)
    assert series[queue.id].waiting == [0, 5, None, 0]
    assert series[queue.id].oldest_wait_ms == [0, 1_500, None, 0]
    assert series[idle.id].waiting == [0, 0, None, 0]


def test_a_step_of_several_minutes_keeps_the_longest_wait_and_the_newest_count():
    end = now().replace(second=0, microsecond=0)
    begin = end - 5 * MINUTE
    queue = make_queue("billing")
    for number, (waiting, wait) in enumerate([(9, 9_000), (4, 100), (5, 200)]):
        at = begin + number * MINUTE
        MinuteSample.objects.create(at=at, nodes=1, slots=8)
        QueueSample.objects.create(
            queue_id=queue.id, at=at, waiting=waiting, running=0, oldest_wait_ms=wait
        )
    found = read_samples(default_workspace().id, begin, end, 3 * MINUTE)
    assert found.waiting == [5, None]
    assert found.longest_ms == [9_000, None]


def test_samples_are_removed_after_a_week():
    queue = make_queue("billing")
    for age in (KEPT - MINUTE, KEPT + MINUTE):
        MinuteSample.objects.create(at=now() - age, nodes=1, slots=1)
        QueueSample.objects.create(queue_id=queue.id, at=now() - age, waiting=1, running=0)
    assert prune_samples(1) == 2
    assert prune_samples(1) == 0
    assert (MinuteSample.objects.count(), QueueSample.objects.count()) == (1, 1)
