"""The stop rule, the rate and the pause of a batch."""

from datetime import UTC, datetime, timedelta

import pytest

from dlq.models import Replay
from tasks_app.batches import RECENT, StageProgress, submission_room

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def stage(**fields: object) -> StageProgress:
    values = {
        "number": 0,
        "size": 5,
        "submitted": 5,
        "open": 0,
        "ended": 5,
        "failed": 0,
        "is_exhausted": False,
    }
    return StageProgress(**{**values, **fields})  # type: ignore[arg-type] # of the test's choice


@pytest.mark.parametrize(
    ("progress", "exceeds"),
    [
        (stage(failed=1), False),  # up to the share
        (stage(failed=2), True),
        (stage(failed=2, ended=2, open=3), True),  # the others cannot change it
        (stage(failed=2, ended=2, submitted=2), True),
        (stage(failed=1, ended=1, submitted=3, open=2, is_exhausted=True), False),  # may wait
        (stage(failed=1, ended=3, submitted=3, is_exhausted=True), True),  # a stage not filled
        (stage(size=None, ended=RECENT - 1, failed=RECENT - 1), False),  # too few
        (stage(size=None, ended=RECENT, failed=5), True),
        (stage(size=None, ended=RECENT, failed=4), False),
        (stage(size=None, ended=RECENT, failed=RECENT, is_exhausted=True), False),
    ],
)
def test_the_stop_rule(progress: StageProgress, exceeds: bool) -> None:
    assert progress.exceeds(0.2) is exceeds


def test_when_a_stage_and_a_batch_are_over() -> None:
    assert stage().is_stage_over
    assert not stage(open=1).is_stage_over
    assert not stage(submitted=4).is_stage_over
    assert not stage(size=None).is_stage_over
    assert stage(is_exhausted=True).is_over
    assert not stage(is_exhausted=True, open=1).is_over


def test_the_room_for_submissions() -> None:
    assert submission_room(Replay(), NOW, limit=200) == 200
    assert submission_room(Replay(), NOW, limit=-3) == 0
    assert submission_room(Replay(paused_at=NOW), NOW, limit=200) == 0
    paced = Replay(rate_per_second=10.0, last_submit_at=NOW - timedelta(seconds=0.5))
    assert submission_room(paced, NOW, limit=200) == 5
    assert submission_room(paced, NOW, limit=3) == 3
