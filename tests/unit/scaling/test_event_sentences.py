"""What the sentences of scaling events say, word for word."""

import inspect
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scaling import sentences

NOON = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
WAITS = [(2, 155.13), (3, 35.04)]
SENTENCES = [
    (sentences.workers(1), "1 worker"),
    (sentences.change(2, 8), "2 → 8 workers."),
    (sentences.change(0, 1), "0 → 1 worker."),
    (sentences.change(3, 3), "3 workers, no change."),
    (
        sentences.demand(50, 0.5, 5.0, 20.0, 60.0),
        "50 tasks are waiting and 0.5 arrive per second, each taking 5 s of a slot.",
    ),
    (
        sentences.demand(1, 0.0, 0.25, 300.4, 60.0),
        (
            "1 task is waiting and 0 arrive per second, each taking 0.25 s of a slot. "
            "The longest-running task has run for 300 s."
        ),
    ),
    (
        sentences.stale(2, 61.2, 60.0),
        "2 workers, no change. The measurements are 61 s old; the limit is 60 s.",
    ),
    (
        sentences.wait(WAITS, 36.0, 60.0, 60.0),
        (
            "The predicted wait in 60 s is 155.2 s with 2, 35 s with 3; the limit is 36 s "
            "(objective 60 s)."
        ),
    ),
    (
        sentences.scale_in_wait(WAITS, 36.0, 60.0),
        (
            "The predicted wait from now on is 155.2 s with 2, 35 s with 3; a worker is removed "
            "only below a limit of 36 s (objective 60 s)."
        ),
    ),
    (
        sentences.load(2.345, 3.1, 4, 1),
        (
            "2.35 slots are busy on average and 3.1 are needed with headroom: 4 workers with "
            "1 slot each."
        ),
    ),
    (
        sentences.scale_in_load(2.345, 3.1),
        "2.35 slots are busy on average; a worker is removed only while 3.1 slots remain.",
    ),
    (sentences.minimum(1), "The minimum of 1 worker is enough."),
    (
        sentences.threshold(50, 2, 50, 10),
        "At 50 or more waiting tasks (scaleUpThreshold), one worker is added.",
    ),
    (
        sentences.threshold(1, 0, 50, 10),
        "With no worker, one is added for the first waiting task.",
    ),
    (
        sentences.threshold(9, 2, 50, 10),
        "Below 10 waiting tasks (scaleDownThreshold), one worker is removed.",
    ),
    (
        sentences.threshold(20, 2, 50, 10),
        (
            "From 10 (scaleDownThreshold) to 50 waiting tasks (scaleUpThreshold), the number "
            "stays the same."
        ),
    ),
    (
        sentences.load_and_backlog(5.26, 2.0, 4, 2, 60.0),
        (
            "Arriving tasks need 5.26 slots, and starting the waiting tasks within 60 s needs 2: "
            "4 workers with 2 slots each."
        ),
    ),
    (
        sentences.forecast(sentences.SCHEDULE, "The minimum of 1 worker is enough."),
        "The schedule predicts more arrivals. The minimum of 1 worker is enough.",
    ),
    (
        sentences.limited_by_maximum(8, 3, WAITS),
        "8 workers are recommended, but the maximum is 3; the wait will reach 35 s.",
    ),
    (
        sentences.limited_by_maximum(8, 5, ()),
        "8 workers are recommended, but the maximum is 5.",
    ),
    (sentences.limited_by_minimum(1, 2), "1 worker is recommended, but the minimum is 2."),
    (
        sentences.limited_by_waiting(1, 10),
        (
            "1 worker is recommended, but no worker is removed while 10 or more tasks are waiting "
            "(scaleDownThreshold)."
        ),
    ),
    (
        sentences.limited_by_cooldown(2, 48.2),
        "2 workers are recommended, but the cooldown ends in 48 s.",
    ),
    (
        sentences.limited_by_stabilisation(2, 60.0),
        "2 workers are recommended, but more were recommended or present within the last 60 s.",
    ),
    (
        sentences.not_decided(3, sentences.MEASURING_TIMED_OUT),
        "3 workers, no change. Measuring the demand took too long.",
    ),
    (
        sentences.invalid_configuration("minWorkers: It must not be above maxWorkers."),
        "The configuration is invalid: minWorkers: It must not be above maxWorkers.",
    ),
    (
        sentences.delayed_until(NOON, sentences.launches_failed(1, "No such image.")),
        "Delayed until 12:00:05 UTC. The last launch failed. No such image.",
    ),
    (sentences.launches_failed(3, ""), "The last 3 launches in a row failed."),
    (
        sentences.workers_not_ready(1),
        "Not followed: 1 worker has not become ready; see the list of nodes.",
    ),
    (
        sentences.PUBLISHED,
        "Published; a scaler that reads GET /auto-scaling/metric follows it.",
    ),
    (sentences.ALREADY_REACHED, "There were already that many workers."),
    (sentences.override_set(2, 5, "ada", "a sale"), "2 → 5 workers, set by ada: a sale."),
    (sentences.override_set(5, 5, "ada", "Hold!"), "5 workers, set by ada: Hold!"),
    (
        sentences.override_followed(2, 5, 5, "ada", maximum=10, unmanaged=0),
        "2 → 5 workers. The manual override by ada asks for 5.",
    ),
    (
        sentences.override_followed(4, 2, 4, "ada", maximum=2, unmanaged=0),
        "4 → 2 workers. The manual override by ada asks for 4, but the maximum is 2.",
    ),
    (
        sentences.override_followed(3, 3, 1, "ada", maximum=10, unmanaged=3),
        (
            "3 workers, no change. The manual override by ada asks for 1, but this back-end cannot "
            "stop 3 of the workers."
        ),
    ),
    (sentences.OVERRIDE_REPLACED, "A newer override replaced it before it took effect."),
    (sentences.override_released("ada"), "ada released it before it took effect."),
    (sentences.OVERRIDE_EXPIRED, "It expired before it took effect."),
    (
        sentences.INTERRUPTED_DECISION,
        (
            "The autoscaler ended before it acted on this decision, or before it recorded what it "
            "did; the next decision starts from the workers that exist."
        ),
    ),
    (sentences.ready_after([3.21]), "1 worker was ready after 3.2 s."),
    (sentences.ready_after([5.0, 3.21]), "2 workers were ready after 3.2 to 5.0 s."),
    (sentences.launch_failed("w-1", "No such image."), "w-1 failed: No such image."),
    (sentences.launch_failed("", "No such image."), "A worker failed: No such image."),
    (sentences.launches_cancelled(2), "2 workers were cancelled before becoming ready."),
    (sentences.drained(["a", "b"], 12.34), "a, b: drained and stopped within 12.3 s."),
    (sentences.stopped_unused(["a"]), "a: stopped before taking any work."),
    (
        sentences.interrupted_tasks(1),
        "1 running task was interrupted and will run again.",
    ),
    (
        sentences.timed_out(300.0, 2, 3, []),
        "Not completed within 300 s. 2 of 3 workers are not ready.",
    ),
    (
        sentences.timed_out(900.0, 0, 0, ["a", "b"]),
        "Not completed within 900 s. Still draining: a, b. Running tasks are not interrupted.",
    ),
    (sentences.next_launch(None, 0), "A replacement is launched at once if it is needed."),
    (sentences.next_launch(NOON, 1), "The next launch is at 12:00:05 UTC at the earliest."),
    (
        sentences.next_launch(NOON, 2),
        "The next launch is at 12:00:05 UTC at the earliest, after 2 failed launches in a row.",
    ),
    (sentences.ended_before_ready(""), "It exited normally before it was ready."),
    (sentences.ended_before_ready("Exit code 2."), "Exit code 2."),
    (sentences.GONE_BEFORE_READY, "It disappeared before it was ready."),
    (sentences.not_ready_in_time(300.0, ""), "It was not ready within 300 s."),
    (sentences.STOPPED_WITH_AUTOSCALER, "It was stopped together with the autoscaler."),
    (sentences.NOT_READY, "It was not ready yet."),
    (sentences.IDLE, "It was idle."),
    (
        sentences.soonest_free(1, 12.0),
        "It was running 1 task, expected to take 12 s more.",
    ),
    (
        sentences.soonest_free(3, 12.0),
        "It was running 3 tasks; the longest was expected to take 12 s more.",
    ),
]


@pytest.mark.parametrize(("sentence", "expected"), SENTENCES)
def test_a_sentence(sentence: str, expected: str) -> None:
    assert sentence == expected


def test_every_sentence_is_here() -> None:
    named = set(re.findall(r"sentences\.([a-z_]+)\(", Path(__file__).read_text()))
    functions = {
        name
        for name, value in vars(sentences).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    assert functions <= named
