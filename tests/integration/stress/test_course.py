"""What a report says of the course: samples, the peak, how the number of workers answered."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from controlplane.core.clock import now
from controlplane.core.errors import Conflict
from controlplane.ops.stress.driver import StressDriver
from controlplane.ops.stress.models import StressSample, StressTest
from tasks_app.models import Task, TaskAttempt
from tests.factories import make_node, make_scaling_event, make_stress_test
from tests.stress_driver import drive, drive_to, end_tasks, tasks_of
from workers.models import Node


@pytest.mark.django_db
def test_samples_thin_out_as_they_get_many() -> None:
    test = drive_to(make_stress_test(5), "SETTLING")
    test.samples.all().delete()
    StressSample.objects.bulk_create(
        StressSample(
            test=test,
            at=now() + timedelta(seconds=number),
            submitted=5,
            ended=0,
            waiting=5,
            running=0,
            workers=1,
        )
        for number in range(600)
    )
    test = drive(test, at=now() + timedelta(seconds=60))
    assert (test.samples.count(), test.sample_seconds) == (301, 2.0)
    # Between two samples there are two seconds now.
    assert drive(test, at=now() + timedelta(seconds=61)).samples.count() == 301
    assert drive(test, at=now() + timedelta(seconds=63)).samples.count() == 302
    end_tasks(test)
    test = drive_to(test, "DONE")
    assert 100 < len(test.report["series"]) <= 300
    assert test.samples.count() == 0


@pytest.mark.django_db
def test_the_peak_is_that_of_the_attempts() -> None:
    test = drive_to(make_stress_test(10), "SETTLING")
    end_tasks(test)
    begin = now()
    TaskAttempt.objects.filter(task_id__in=tasks_of(test)[:7]).update(
        started_at=begin, finished_at=begin + timedelta(seconds=1)
    )
    test = drive_to(test, "DONE")
    assert test.report["figures"]["peakInFlight"] == test.peak_running == 7
    series = test.report["series"]
    assert max(point["running"] for point in series) == 7
    assert (series[-1]["ended"], series[-1]["waiting"]) == (10, 0)


def event(at_seconds: float, from_workers: int, to_workers: int, begun: StressTest) -> None:
    assert begun.begun_at is not None
    make_scaling_event(
        "UNCHANGED" if from_workers == to_workers else "RECOMMENDED",
        at=begun.begun_at + timedelta(seconds=at_seconds),
        backend="advisory",
        from_workers=from_workers,
        recommended_workers=to_workers,
        to_workers=to_workers,
        sentence=f"{from_workers} → {to_workers} workers.",
        finished_at=now(),
    )


@pytest.mark.django_db
def test_the_reaction_of_the_number_of_workers() -> None:
    make_node("first")
    begun_at = now() - timedelta(seconds=100)
    test = drive(make_stress_test(10), passes=2, at=begun_at)
    event(-5, 2, 1, test)  # before it
    event(2, 1, 1, test)  # changed nothing
    event(4, 1, 2, test)
    event(40, 2, 1, test)
    make_node("second")
    drive(test, at=begun_at + timedelta(seconds=10))
    Node.objects.filter(name="second").update(state="STOPPED", stopped_at=now())
    drive(test, at=begun_at + timedelta(seconds=30))
    end_tasks(test)
    found = drive_to(test, "DONE").report["scaling"]
    assert [e["sentence"] for e in found["events"]] == ["1 → 2 workers.", "2 → 1 workers."]
    assert found["secondsToDecision"] == 4.0
    assert (found["workersAtBegin"], found["workersAtPeak"], found["workersAtEnd"]) == (1, 2, 1)
    assert found["secondsToFirstWorker"] == found["secondsToPeak"] == 10.0


@pytest.mark.django_db(transaction=True)
def test_dispatchers_that_drive_at_once_submit_each_task_once() -> None:
    test = make_stress_test(3_000, type="noop", dependent_share=0.3, rate_per_second=5_000.0)
    begin = now()

    def drive_on(_: int) -> None:
        try:
            # A pass that finds the test locked does nothing, so their number is not known.
            for number in range(1_000):
                StressDriver().drive(now=begin + timedelta(seconds=number))
                if StressTest.objects.get(id=test.id).state == "SETTLING":
                    return
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(drive_on, range(3)))
    test.refresh_from_db()
    assert (test.state, test.submitted, Task.objects.count()) == ("SETTLING", 3_000, 3_000)
    indexes = Task.objects.values_list("payload__index", flat=True)
    assert sorted(indexes) == list(range(3_000))
    assert len(set(tasks_of(test))) == 3_000


@pytest.mark.django_db(transaction=True)
def test_of_two_that_begin_at_once_one_is_refused() -> None:
    def begin(_: int) -> str:
        try:
            return str(make_stress_test(5).id)
        except Conflict as error:
            return str(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(begin, range(4)))
    (made,) = StressTest.objects.values_list("id", flat=True)
    assert answers.count(str(made)) == 1
    assert all("stress test" in answer for answer in answers if answer != str(made))
