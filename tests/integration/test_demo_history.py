"""The seeded demo: its numbers agree with each other, and it leaves the tasks of others alone."""

import pytest

from controlplane.ops.operations.models import Operation
from controlplane.ops.operations.states import OperationState
from controlplane.ops.overview.checks import run_checks
from controlplane.ops.overview.queries.source import HOUR, Source
from controlplane.workspaces.models import Workspace
from dlq.models import DeadLetter, LetterGroup
from dlq.states import GroupState
from scripts.demo import seed as seeding
from scripts.demo.story import NODES, PAYMENTS, WORLDS
from tasks_app.models import Task
from tasks_app.queries.counts import count_tasks
from tests.factories import make_task

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def payments(committed_rows: None) -> Workspace:
    return seeding.seed()[0]


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


def test_a_database_with_tasks_is_left_alone(monkeypatch, capsys):
    make_task()
    before = Task.objects.count()
    monkeypatch.setattr("sys.argv", ["seed-demo"])
    assert seeding.main() == 2
    assert "--force" in capsys.readouterr().err
    assert Task.objects.count() == before
