"""What changed before a group began: facts from the records, newest first."""

from datetime import timedelta

import pytest

from controlplane.core.clock import now
from controlplane.ops.schedules import editing
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.services import record_audit
from dlq.admin.groupwords import describe_state
from dlq.discard import discard_letter
from dlq.grouping import GroupUpkeep
from dlq.groups import Decision, decide
from dlq.models import DeadLetter, LetterGroup
from dlq.queries.causes import MAX_CAUSES, list_causes
from dlq.queries.groups import describe_groups
from dlq.recording import fold_letter_counts
from tasks_app.services.queues import change_queue
from tests.clients import other_workspace
from tests.factories import make_job, make_letter, make_node, make_queue, make_run, make_workflow
from workers.models import Node
from workflows.models import WorkflowVersion

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def causes_of(letter: DeadLetter) -> list[tuple[str, str, str]]:
    found = list_causes(LetterGroup.objects.get(id=letter.id))
    assert [each.at for each in found] == sorted((each.at for each in found), reverse=True)
    return [(each.kind, each.subject, each.change) for each in found]


def test_nothing_is_claimed_without_a_record() -> None:
    assert causes_of(make_letter()) == []


def test_a_version_that_began_within_the_day() -> None:
    for version, ago in (("4.11.0", 90), ("4.11.2", 30), ("4.12.0", 2), ("4.12.0", 1)):
        node = make_node()
        Node.objects.filter(id=node.id).update(version=version, started_at=now() - ago * HOUR)
    ((kind, subject, change),) = causes_of(make_letter())
    assert (kind, subject) == ("version", "Taskplane 4.12.0")
    assert change.startswith("began on ")


def test_a_release_that_began_within_the_day_also_an_earlier_one() -> None:
    def run(release: str, ago: float, ended: float | None = None) -> None:
        node = make_node(release=release, started_at=now() - ago * HOUR)
        if ended is not None:
            Node.objects.filter(id=node.id).update(state="STOPPED", stopped_at=now() - ended * HOUR)

    run("1.0", 90, ended=5)
    run("1.1", 6, ended=3.5)
    run("1.0", 5.5, ended=5.2)  # restarted beside another of its release: no change
    run("1.1", 4)  # beside one that ends later
    run("1.2", 3, ended=2)
    run("1.0", 2.5, ended=2.2)  # rolled back
    run("1.2", 1)
    run("", 0.5)  # not set: says nothing
    found = [(kind, subject) for kind, subject, _ in causes_of(make_letter())]
    assert found == [("release", f"Release {each}") for each in ("1.2", "1.0", "1.2", "1.1")]


def test_what_came_after_the_first_death_is_no_cause() -> None:
    make_node()
    Node.objects.update(version="4.11.0", started_at=now() - 90 * HOUR)
    letter = make_letter()
    later = make_node()
    Node.objects.filter(id=later.id).update(version="4.12.0", started_at=now())
    assert causes_of(letter) == []
    # What reopened the group comes after it.
    LetterGroup.objects.update(state="REGRESSED", state_at=now() + timedelta(seconds=1))
    assert [subject for _, subject, _ in causes_of(letter)] == ["Taskplane 4.12.0"]


def test_the_death_that_reopened_a_group_counts_after_a_decision_too(
    ada: Actor, workspace: Workspace
) -> None:
    def keep_up() -> None:
        fold_letter_counts()
        GroupUpkeep().run()

    make_node()
    Node.objects.update(version="4.11.0", started_at=now() - 90 * HOUR)
    letter = make_letter()
    keep_up()
    discard_letter(workspace_id=workspace.id, letter_id=letter.id, reason="no", actor=ada)
    keep_up()
    later = make_node()
    Node.objects.filter(id=later.id).update(version="4.12.0", started_at=now())
    make_letter()
    keep_up()
    assert LetterGroup.objects.get().state == "REGRESSED"
    for decision in (
        Decision(state="ACKNOWLEDGED"), Decision(state="MUTED", muted_above=9),
        Decision(state="OPEN"),
    ):  # fmt: skip
        decide(workspace_id=workspace.id, group_id=letter.id, decision=decision, actor=ada)
        assert [subject for _, subject, _ in causes_of(letter)] == ["Taskplane 4.12.0"]
        (view,) = describe_groups([LetterGroup.objects.get()])
        assert "was resolved, back" in describe_state(view)
        assert view.group.regressed_code[0] in describe_state(view)


def test_a_version_of_its_workflow() -> None:
    run = make_run(make_workflow("first"))
    other = make_run(make_workflow("second"))
    for each in (run, other):
        WorkflowVersion.objects.create(
            workflow=each.workflow, version=7, definition={}, created_by="ada"
        )
    letter = make_letter()
    DeadLetter.objects.filter(id=letter.id).update(workflow_run_id=run.id)
    LetterGroup.objects.update(first_seen=now())
    found = causes_of(letter)
    assert ("workflow", f"Workflow {run.workflow.name}", "version 7") in found
    assert all(subject == f"Workflow {run.workflow.name}" for _, subject, _ in found)


def test_changes_of_its_queue_of_scaling_and_of_schedules(ada: Actor, workspace: Workspace) -> None:
    make_queue("default", workspace)
    make_queue("mail", workspace)
    for name in ("default", "mail"):
        change_queue(workspace_id=workspace.id, name=name, actor=ada, changes={"max_running": 3})
    record_audit(workspace, ada, "scaling.scale", "pool", "default", {"workers": 3})
    record_audit(other_workspace(), ada, "scaling.scale", "pool", "default", {"workers": 3})
    job = make_job("nightly", task_type="test-echo")
    make_job("other")
    editing.update_schedule(
        workspace_id=workspace.id, schedule_id=job.id, changes={"enabled": False}, actor=ada
    )
    letter = make_letter()
    found = {(kind, subject): change for kind, subject, change in causes_of(letter)}
    assert found["queue", "Queue default"] == "maxRunning: none → 3"
    assert found["scaling", "Scaling of default"] == "scale"
    assert ("schedule", "Schedule nightly") in found
    assert not any("mail" in subject or "other" in subject for _, subject in found)
    (cause, *_) = list_causes(LetterGroup.objects.get(id=letter.id))
    assert (cause.by, cause.page) == (ada.label, "workspaces_auditevent")


def test_it_is_bounded(ada: Actor, workspace: Workspace) -> None:
    for _ in range(MAX_CAUSES + 5):
        record_audit(workspace, ada, "scaling.scale", "pool", "default", {})
    assert len(causes_of(make_letter())) == MAX_CAUSES
