"""Schedules on a real dispatcher and worker, one of which is killed."""

from datetime import timedelta

from controlplane.ops.schedules.models import Firing
from tests.engine import Engine
from tests.factories import make_schedule


def test_every_second_is_decided_through_a_killed_dispatcher(engine: Engine) -> None:
    first = engine.dispatcher()
    engine.worker(concurrency=1)
    schedule = make_schedule("@every 1s", overlap="allow", payload={"a": 1})
    firings = Firing.objects.filter(schedule=schedule).order_by("scheduled_for")
    engine.wait(lambda: firings.filter(state="COMPLETED").count() >= 2, "two completed firings")
    first.kill()
    before = firings.count()
    engine.dispatcher()
    engine.wait(lambda: firings.filter(state="COMPLETED").count() > before, "another one")
    decided = []
    for firing in firings:
        decided += [
            firing.scheduled_for + step * timedelta(seconds=1) for step in range(firing.times)
        ]
    assert decided == [decided[0] + step * timedelta(seconds=1) for step in range(len(decided))]
    completed = firings.filter(state="COMPLETED")
    assert completed[0].result == {"a": 1}
    assert {firing.skip_reason for firing in firings.filter(state="SKIPPED")} <= {"MISSED"}
