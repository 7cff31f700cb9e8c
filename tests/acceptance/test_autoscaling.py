"""The whole of it: load comes, the fleet grows with real workers, the load goes, it shrinks."""

from collections import Counter
from pathlib import Path

import psutil
import pytest

from controlplane.embedded.processes import is_over
from scaling.models import Launch, ScalingEvent
from scaling.states import EventState, LaunchState
from scaling.strategies import find_difference
from tasks_app.models import Task, TaskAttempt
from tasks_app.services import submit_tasks
from tasks_app.specs import TaskSpec
from tests.engine import Engine
from workers.models import Node
from workers.states import LIVE, NodeState

_LIVE = [state.value for state in LIVE]
# Small numbers of everything, so that growing and shrinking take seconds: one slot a worker, a
# start within three seconds, five seconds of calm before anything shrinks.
QUICK = {
    "AUTO_SCALING_INTERVAL": "0.5",
    "AUTO_SCALING_OBJECTIVE": "3",
    "AUTO_SCALING_STABILISATION": "4",
    "SCALE_UP_COOLDOWN": "1",
    "SCALE_DOWN_COOLDOWN": "1",
    "WORKER_CONCURRENCY": "1",
    "MIN_WORKERS": "1",
    "MAX_WORKERS": "4",
}


def ready() -> int:
    return Node.objects.filter(state=NodeState.ACTIVE).count()


def live() -> int:
    return Node.objects.filter(state__in=_LIVE).count()


def still_open() -> list[str]:
    """Changes that have not come to their end."""
    ended = [EventState.UNCHANGED, EventState.SUCCEEDED, EventState.SUPERSEDED]
    return [str(event) for event in ScalingEvent.objects.exclude(state__in=ended)]


@pytest.mark.nightly
@pytest.mark.ci
def test_500_tasks_grow_the_fleet_and_it_shrinks_again(engine: Engine, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    engine.dispatcher()
    scaler = engine.autoscaler(**QUICK)
    engine.wait(lambda: ready() == 1, "the one worker that there is without work", 60)

    spec = TaskSpec(type="test-work", payload={"ms": 100, "folder": str(marks)})
    ids = submit_tasks(specs=[spec] * 500)
    peak = 0

    def all_ended() -> bool:
        nonlocal peak
        peak = max(peak, ready())
        return not Task.objects.filter(id__in=ids).exclude(state="COMPLETED").exists()

    engine.wait(all_ended, "500 completed tasks", 180)
    assert peak >= 3, f"it grew to {peak} only"
    engine.wait(lambda: live() == 1, "the fleet to be 1 worker again", 180)
    engine.wait(lambda: not still_open(), "the end of every event", 60)

    # Nothing was killed, lost, or run twice: by the handlers' own traces, and by the record.
    runs = Counter(path.name.split(".")[0] for path in marks.iterdir())
    assert set(runs) == {str(task) for task in ids}
    assert set(runs.values()) == {1}
    outcomes = TaskAttempt.objects.filter(task_id__in=ids).values_list("outcome", flat=True)
    assert Counter(outcomes) == {"SUCCEEDED": 500}
    assert {node.state for node in Node.objects.all()} == {NodeState.ACTIVE, NodeState.STOPPED}
    check_events(peak)

    assert scaler.stop(30) == 0, scaler.output()
    engine.wait(lambda: live() == 0, "the end of the workers with their autoscaler")


def check_events(peak: int) -> None:
    """Every change is explained, adds up, and its decision replays to itself."""
    changes = list(ScalingEvent.objects.exclude(state=EventState.UNCHANGED).order_by("id"))
    assert max(event.to_workers for event in changes) >= peak
    assert changes[0].from_workers == 0
    assert changes[-1].to_workers == 1
    for event in changes:
        assert event.state in (EventState.SUCCEEDED, EventState.SUPERSEDED), event.outcome
        assert event.outcome, f"the outcome of {event} is empty"
        assert f"{event.from_workers} → {event.to_workers}" in event.sentence
        assert "waiting" in event.sentence
        assert event.interrupted_tasks == 0
        assert len(event.victims) == max(0, event.from_workers - event.to_workers)
        assert event.launches.count() == max(0, event.to_workers - event.from_workers)
    assert {launch.state for launch in Launch.objects.all()} <= {
        LaunchState.READY,
        LaunchState.CANCELLED,
    }
    for event in ScalingEvent.objects.all():
        assert not find_difference(event.inputs), event


@pytest.mark.nightly
def test_the_workers_of_an_autoscaler_that_was_killed_are_taken_over(engine: Engine) -> None:
    engine.dispatcher()
    quick = {**QUICK, "MIN_WORKERS": "2"}
    first = engine.autoscaler(**quick)
    engine.wait(lambda: ready() == 2, "two workers", 60)
    pids = set(Node.objects.filter(state=NodeState.ACTIVE).values_list("pid", flat=True))
    first.kill()
    second = engine.autoscaler(**quick)
    # The lead of the killed one must run out first.
    engine.wait(lambda: "Leadership held" in second.output(), "the second to lead", 60)
    engine.wait(
        lambda: ScalingEvent.objects.filter(term=2).count() >= 2, "decisions of the second", 30
    )
    assert set(Node.objects.filter(state=NodeState.ACTIVE).values_list("pid", flat=True)) == pids
    assert second.stop(30) == 0, second.output()
    # An orphan that has ended may wait for init to reap it.
    assert not [pid for pid in pids if psutil.pid_exists(pid) and not is_over(psutil.Process(pid))]
