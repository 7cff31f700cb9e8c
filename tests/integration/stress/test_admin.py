"""The admin's pages of stress tests."""

from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.ops.stress.models import StressTest
from controlplane.workspaces.models import AuditEvent
from tests.clients import default_workspace, other_workspace, staff_client
from tests.factories import make_stress_test
from tests.stress_driver import drive, drive_to, end_tasks

pytestmark = pytest.mark.django_db
TESTS = "/admin/stress/stresstest/"
login = partial(staff_client, apps=["stress"])


@pytest.fixture
def root(db: None) -> Client:
    return login("root", is_superuser=True)


@pytest.fixture
def operator(db: None) -> Client:
    return login("op", "operator")


@pytest.fixture
def viewer(db: None) -> Client:
    return login("eve", "viewer")


def page(client: Client, path: str, **params: Any) -> str:
    answer = client.get(path, params, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def finished(**asked: Any) -> StressTest:
    test = drive_to(make_stress_test(40, **asked), "SETTLING")
    end_tasks(test)
    return drive_to(test, "DONE")


def form(**fields: Any) -> dict[str, Any]:
    values = {
        "workspace": str(default_workspace().id),
        "name": "of a person",
        "tasks": 30,
        "type": "sleep",
        "duration_ms": 10,
        "failure_rate": 0,
        "dependent_share": 0.2,
        "shape": "mixed",
        "rate_per_second": "",
    }
    return {**values, **fields}


def test_a_person_starts_one(operator: Client) -> None:
    assert "Start a stress test" in page(operator, TESTS)
    assert "Share of tasks that fail" in page(operator, f"{TESTS}start/")
    answer = operator.post(f"{TESTS}start/", form(), follow=True)
    assert "Accepted. It starts when a dispatcher runs." in answer.content.decode()
    test = StressTest.objects.get()
    assert (test.name, test.tasks, test.dependent_share) == ("of a person", 30, 0.2)
    assert (test.rate_per_second, test.created_by) == (None, "op")
    event = AuditEvent.objects.get(action="stress.start")
    assert event.actor_label == "op"


def test_what_the_service_refuses_stands_beside_the_field(operator: Client, settings: Any) -> None:
    settings.TASKPLANE_STRESS = {**settings.TASKPLANE_STRESS, "MUST_CONFIRM": True}
    for fields, sentence in (
        ({"tasks": 100_001}, "A whole number from 1 to 100,000"),
        ({"confirm": "yes"}, "This is production"),
        ({"duration_ms": "x"}, "Enter a number"),
        ({"tasks": 90_000, "duration_ms": 60_000}, "5,400,000 s of work"),
    ):
        answer = operator.post(f"{TESTS}start/", form(**{"confirm": "stress", **fields}))
        assert sentence in answer.content.decode()
    assert not StressTest.objects.exists()
    settings.TASKPLANE_STRESS = {**settings.TASKPLANE_STRESS, "MUST_CONFIRM": False}
    make_stress_test(5)
    assert "has not ended" in operator.post(f"{TESTS}start/", form()).content.decode()


def test_the_page_of_one_that_runs_and_its_button(operator: Client) -> None:
    test = drive_to(make_stress_test(30), "SETTLING")
    path = f"{TESTS}{test.id}/change/"
    shown = page(operator, path)
    assert 'data-reload="2"' in shown
    assert "All tasks are submitted; some have not ended yet." in shown
    assert operator.get(f"{TESTS}{test.id}/stop/").status_code == 405
    answer = operator.post(f"{TESTS}{test.id}/stop/", {"post": "yes"}, follow=True)
    assert "Stopping: waiting tasks are cancelled" in answer.content.decode()
    answer = operator.post(f"{TESTS}{test.id}/stop/", {"post": "yes"}, follow=True)
    assert "is ending or has ended" in answer.content.decode()
    drive_to(test, "STOPPED")
    assert "data-reload=" not in page(operator, path)


def test_the_report(viewer: Client) -> None:
    test = drive_to(make_stress_test(40, failure_rate=0.2, dependent_share=0.3, seed=5), "SETTLING")
    drive(test, passes=3)
    end_tasks(test)
    drive_to(test, "DONE")
    shown = page(viewer, f"{TESTS}{test.id}/change/")
    for words in (
        "Done: passed",
        "Passed: all 7 checks hold for 40 tasks.",
        "Every submitted task is there, and has ended.",
        "Wait (ms), p95",
        "<svg role",
        "Waiting tasks, sampled: peak",
        '<th scope="col" class="number">In flight</th>',
    ):
        assert words in shown


def test_a_failing_check_names_tasks(viewer: Client) -> None:
    test = drive_to(make_stress_test(40), "SETTLING")
    end_tasks(test)
    test = drive_to(test, "CHECKING")
    task = test.items.get(number=0).task_id
    StressTest.objects.filter(id=test.id).update(submitted=41)
    test.items.filter(number=0).update(expected="F")
    drive_to(test, "DONE")
    shown = page(viewer, f"{TESTS}{test.id}/change/")
    assert "Done: failed" in shown
    assert f"/admin/tasks_app/task/{task}/change/" in shown


def test_two_side_by_side(viewer: Client) -> None:
    one, other = finished(name="first"), finished(name="second", failure_rate=0.3)
    shown = page(viewer, f"{TESTS}{one.id}/change/")
    assert "Compare with" in shown
    assert f"second, {other.created_at:%Y-%m-%d %H:%M:%S} UTC</option>" in shown
    path = f"{TESTS}{one.id}/compare/"
    shown = page(viewer, path, **{"with": str(other.id)})
    assert "Different parameters: " in shown
    assert "failureRate differs: 0.0 and 0.3." in shown
    assert "Completions per second" in shown
    assert "Wait (ms), p95" in shown
    assert "Choose a test to compare with" in page(viewer, path)
    running = make_stress_test(5)
    assert "has no report yet" in page(viewer, path, **{"with": str(running.id)})


def test_the_list_shows_verdicts_and_costs_the_same_whatever_its_length(viewer: Client) -> None:
    finished()
    assert "Passed" in page(viewer, TESTS)
    queries = []
    for _ in range(2):
        finished()
        with CaptureQueriesContext(connection) as counted:
            page(viewer, TESTS)
        queries.append(len(counted))
    assert queries[0] == queries[1]


def test_who_may_what(viewer: Client, root: Client) -> None:
    mine, theirs = make_stress_test(5), make_stress_test(5, workspace=other_workspace())
    assert viewer.get(f"{TESTS}start/").status_code == 403
    assert viewer.post(f"{TESTS}{mine.id}/stop/").status_code == 403
    assert str(theirs.id) not in page(viewer, TESTS)
    for verb in ("stop", "compare"):
        assert viewer.post(f"{TESTS}{theirs.id}/{verb}/").status_code == 404
    assert str(theirs.id) in page(root, TESTS)
    stranger = login("sam", "operator")
    other = form(workspace=str(other_workspace().id))
    assert "Select a valid choice" in stranger.post(f"{TESTS}start/", other).content.decode()


def test_a_report_shows_figures_in_words_and_workers_without_events(viewer: Client) -> None:
    test = finished(seed=77)
    shown = page(viewer, f"{TESTS}{test.id}/change/")
    assert "Wait (ms), p95" in shown
    assert "waitMs" not in shown
    assert "Workers at the start" in shown
    assert "The number of workers did not change." in shown
    listed = page(viewer, TESTS)
    assert f"{test.created_at:%Y-%m-%d %H:%M:%S}" in listed
    assert "Duration" in listed


def test_the_form_takes_a_seed(operator: Client) -> None:
    assert operator.post(f"{TESTS}start/", form(seed="77")).status_code == 302
    assert StressTest.objects.get().seed == 77
    assert "less than or equal to" in (
        operator.post(f"{TESTS}start/", form(seed=str(2**31))).content.decode()
    )
