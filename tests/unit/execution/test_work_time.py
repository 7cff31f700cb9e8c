"""The work in the time that a handler took, and the batches that follow from it."""

import threading
import time

import pytest

from tasks_app.execution import work_time
from tasks_app.execution.sizing import BatchSizer, TypeTimes
from tasks_app.execution.work_time import WorkTime, read_cpu_wait_ms


class Waits:
    """How long a thread has waited for a CPU, as the kernel would count it."""

    def __init__(self) -> None:
        self.total_ms = 1_000.0  # from before the batch
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.total_ms


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def work(waits: Waits) -> WorkTime:
    made = WorkTime(waits)
    made.begin()
    return made


def test_a_wait_for_a_cpu_is_no_work(waits: Waits, work: WorkTime) -> None:
    waits.total_ms += 6
    assert work.of_handler(8) == 2


def test_each_wait_counts_for_one_handler(waits: Waits, work: WorkTime) -> None:
    waits.total_ms += 6
    assert work.of_handler(8) == 2
    assert work.of_handler(8) == 8


def test_no_look_for_a_short_handler(waits: Waits, work: WorkTime) -> None:
    looks = waits.looks
    assert work.of_handler(0.03) == 0.03
    assert waits.looks == looks


def test_a_result_does_not_wait_for_ever_for_waiting_neighbours(
    waits: Waits, work: WorkTime
) -> None:
    waits.total_ms += 99
    assert work.of_handler(100) == 25


def test_a_batch_has_worked_less_than_it_took(waits: Waits, work: WorkTime) -> None:
    waits.total_ms += 30
    work.of_handler(40)
    waits.total_ms += 30
    assert work.of_batch(100) == 40


def test_a_handler_that_waited_for_a_cpu_does_not_make_batches_small(
    waits: Waits, work: WorkTime
) -> None:
    sizer, times = BatchSizer(target_ms=50, most=300), TypeTimes(batchable_ms=25)
    for _ in range(4):
        sizer.record(tasks=sizer.want, run_ms=0.02 * sizer.want)
    assert sizer.want == 300

    waits.total_ms += 40
    worked = work.of_handler(40.02)
    times.record("short", worked)
    sizer.record(tasks=300, run_ms=0.02 * 299 + worked)

    assert times.is_batchable("short")
    assert sizer.want == 300


def test_a_count_that_is_lost_does_not_lengthen_a_time(waits: Waits, work: WorkTime) -> None:
    waits.total_ms = 0
    assert work.of_handler(8) == 8


def test_without_the_kernels_count_time_is_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_time, "_SCHEDSTAT", "/nowhere/schedstat")
    work = WorkTime()
    work.begin()
    assert work.of_handler(8) == 8
    assert work.of_batch(80) == 80


def test_the_kernel_counts_the_waits_of_this_thread_only() -> None:
    seen = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: seen.append(read_cpu_wait_ms()))
        thread.start()
        thread.join()
    own = read_cpu_wait_ms()
    time.sleep(0.01)
    assert read_cpu_wait_ms() >= own >= 0
    assert all(0 <= other < 1_000 for other in seen)
