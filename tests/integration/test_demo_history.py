"""The seeded demo: its numbers agree with each other, and it leaves the tasks of others alone."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from controlplane.core.clock import now
from controlplane.ops.operations.models import Operation
from controlplane.ops.operations.states import OperationState
from controlplane.ops.overview.checks import run_checks
from controlplane.ops.overview.queries.source import HOUR, Source
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.timing.parsing import parse_timing
from controlplane.workspaces.models import Workspace
from dlq.models import DeadLetter, LetterGroup
from dlq.states import GroupState
from scripts.demo import seed as seeding
from scripts.demo.plans import FAILING, SCHEDULES, list_firings
from scripts.demo.story import NODES, PAYMENTS, WORLDS
from tasks_app.models import Task
from tasks_app.queries.counts import count_tasks
from tests.factories import make_task

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def payments(committed_rows: None) -> Workspace:
    return seeding.seed()[0]


@pytest.fixture
def root(payments: Workspace) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.get(username="jonas.weber"))
    return client


def count_shown(answer: Any) -> int:
    """How many rows a list has, as its menu of exports says it."""
    context = answer.context
    menu = context["export"] if "export" in context else context["cl"].export
    return int(menu.words.partition(" ")[0].replace(",", ""))


def test_the_figures_agree(payments):
    source = Source(payments.id, None, lambda permission: True)
    lanes = PAYMENTS.lanes
    assert {view.queue.name: view.counts.pending for view in source.views} == {
        lane.queue: lane.waiting for lane in lanes
    }
    assert sum(view.counts.running for view in source.views) == 96
    running = sum(lane.running for world in WORLDS for lane in world.lanes)
    assert running == sum(NODES.values()) == sum(node.running for node in source.live_nodes)
    died = DeadLetter.objects.filter(workspace=payments).exclude(type="issue-invoice")  # muted
    assert source.growth.an_hour_ago == PAYMENTS.letters
    assert source.growth.open == died.filter(status="OPEN").count()
    assert source.growth.open == PAYMENTS.letters - PAYMENTS.resolved + 649
    hour = source.minute - HOUR
    failed = [ends.failed_tasks for at, ends in source.ends_by_minute.items() if at >= hour]
    assert sum(failed) == sum(lane.failures for lane in lanes) == 649
    counts = count_tasks(payments.id)
    assert (
        counts.states["FAILED"] == Task.objects.filter(state="FAILED", workspace=payments).count()
    )


def test_the_incident_is_what_is_wrong(payments):
    report = run_checks(Source(payments.id, None, lambda permission: True).facts)
    assert [finding.key.partition("#")[0] for finding in report.findings[:2]] == [
        "queue:billing",
        "type:charge-card",
    ]
    assert {"schedule", "node", "paused"} <= {
        each.key.partition(":")[0] for each in report.findings
    }


def test_groups_and_operations_are_in_every_state(payments):
    states = LetterGroup.objects.filter(workspace=payments).values_list("state", flat=True)
    assert set(states) == set(GroupState.values)
    operations = Operation.objects.filter(workspace=payments)
    assert set(operations.values_list("state", flat=True)) == set(OperationState.values)
    for operation in operations:
        assert operation.items.exclude(outcome="").count() == operation.submitted


def test_a_figure_of_the_overview_is_that_of_the_list_to_which_it_leads(payments, root):
    page = root.get("/admin/", {"workspace": payments.slug})
    (panel,) = [each for each in page.context["panels"] if each.panel.name == "figures"]
    figures = {each.key: each for each in panel.data["rows"]}
    for key in ("waiting", "running"):
        shown = figures[key].title or figures[key].value
        assert int(shown.replace(",", "")) == count_shown(root.get(figures[key].url))
    failed = int(figures["failures"].base.partition(" of ")[0].replace(",", ""))
    assert failed == count_shown(root.get(figures["failures"].url))
    inbox = root.get(figures["letters"].url)
    letters = figures["letters"]
    assert inbox.context["open_letters"] == int(letters.title or letters.value)
    assert figures["wait"].base.startswith("billing,")  # its wait goes on while the test runs


def test_the_letters_of_a_group_are_those_of_its_list(payments, root):
    for line in root.get("/admin/dlq/lettergroup/", {"workspace": payments.slug, "view": "all"}
                         ).context["inbox"].lines:  # fmt: skip
        group = root.get(f"/admin/dlq/lettergroup/{line.group.id}/change/").context
        assert group["detail"].count == line.view.count
        if line.view.count:
            assert group["spread"].total == line.view.count
            count, url = next((count, url) for _, _, count, url in group["deaths_rows"] if url)
            assert int(count.replace(",", "")) == count_shown(root.get(url))
            for _, places in group["places"]:
                assert sum(place.number for place in places) == line.view.count
                assert places[0].number == count_shown(root.get(places[0].url))
        newest = [letter.died_at for letter in group["members"]]
        assert newest == sorted(newest, reverse=True)
        assert group["detail"].group.first_seen <= group["detail"].last_seen <= now()


def test_each_schedule_has_fired_ten_times_and_one_failed_three_times(payments):
    fired = Counter(
        Firing.objects.filter(workspace_id=payments.id).values_list("schedule__name", "state")
    )
    expected = {(name, "COMPLETED"): 10 for name in SCHEDULES}
    assert fired == expected | {(FAILING, "COMPLETED"): 7, (FAILING, "FAILED"): 3}


@pytest.mark.parametrize("name", SCHEDULES)
def test_it_has_fired_ten_times_at_any_hour(name):
    for hour in range(24):
        at = datetime(2026, 11, 30, hour, 0, 30, tzinfo=UTC)
        states = [each.state for each in list_firings(Schedule(workspace_id=uuid4()), name, at)]
        assert (len(states), states.count("FAILED")) == (10, 3 if name == FAILING else 0)


def test_schedules_fire_at_their_times(payments):
    for firing in Firing.objects.filter(workspace_id=payments.id).select_related("schedule"):
        timing = parse_timing(SCHEDULES[firing.schedule.name])
        moment = timedelta(microseconds=1)
        assert timing.next_after(firing.scheduled_for - moment) == firing.scheduled_for


def test_a_database_with_tasks_is_left_alone(monkeypatch, capsys):
    make_task()
    before = Task.objects.count()
    monkeypatch.setattr("sys.argv", ["seed-demo"])
    assert seeding.main() == 2
    assert "--force" in capsys.readouterr().err
    assert Task.objects.count() == before
