"""What each verb does to its objects, and how it is undone."""

import pytest

import tests.handlers  # noqa: F401 - registers the type of the letters
from controlplane.core.errors import Conflict, Invalid
from controlplane.ops.schedules.models import Schedule
from controlplane.workspaces.actors import SYSTEM
from dlq.models import DeadLetter
from tasks_app.models import Queue, Task
from tasks_app.services import change_queue
from tests.clients import default_workspace
from tests.factories import make_job, make_letter, make_queue, make_task, make_tasks
from tests.operations import drive, outcomes, preview, run, start

pytestmark = pytest.mark.django_db


def test_tasks_are_retried_and_refusals_say_why() -> None:
    failed, running, parent = make_task("FAILED"), make_task("RUNNING"), make_task("FAILED")
    child = make_task("CANCELLED", parents=[parent])
    child.dependencies.update(is_satisfied=False)

    operation = run("tasks", "retry", ids=[str(t.id) for t in (failed, running, child)])

    failed.refresh_from_db()
    assert failed.state == "PENDING"
    found = outcomes(operation)
    assert found[str(failed.id)] == ("CHANGED", "")
    assert found[str(running.id)] == (
        "REFUSED", "Only an ended task can be retried; this one is RUNNING.",
    )  # fmt: skip
    assert found[str(child.id)][0] == "REFUSED"
    assert f"{parent.id} did not complete" in found[str(child.id)][1]


def test_a_priority_is_changed_and_restored() -> None:
    low, high = make_task(priority=1), make_task(priority=9)
    same, running = make_task(priority=5), make_task("RUNNING")
    ids = [str(each.id) for each in (low, high, same, running)]

    changed = run("tasks", "reprioritize", ids=ids, options={"priority": 5})

    assert set(Task.objects.exclude(id=running.id).values_list("priority", flat=True)) == {5}
    found = outcomes(changed)
    assert [found[each][0] for each in ids] == ["CHANGED", "CHANGED", "UNCHANGED", "REFUSED"]

    undone = run("tasks", "restore-priority", origin=changed.id)

    assert undone.changed == 2
    priorities = dict(Task.objects.values_list("id", "priority"))
    assert (priorities[low.id], priorities[high.id], priorities[same.id]) == (1, 9, 5)


def test_a_priority_that_was_changed_since_is_not_restored() -> None:
    kept, lifted, back, started = (make_task(priority=1) for _ in range(4))
    ids = [str(each.id) for each in (kept, lifted, back, started)]
    changed = run("tasks", "reprioritize", ids=ids, options={"priority": 5})
    for task, priority in ((lifted, 90), (back, 1)):
        run("tasks", "reprioritize", ids=[str(task.id)], options={"priority": priority})
    run("tasks", "cancel", ids=[str(started.id)])

    undone = run("tasks", "restore-priority", origin=changed.id)

    priorities = dict(Task.objects.values_list("id", "priority"))
    assert [priorities[each.id] for each in (kept, lifted, back)] == [1, 90, 1]
    assert outcomes(undone) == {
        ids[0]: ("CHANGED", ""),
        ids[1]: ("REFUSED", "It has been given the priority 90 since."),
        ids[2]: ("UNCHANGED", "It has this priority already."),
        ids[3]: ("REFUSED", "Only a waiting task takes a priority; this one is CANCELLED."),
    }


@pytest.mark.parametrize("kind", ["queues", "schedules"])
def test_a_pause_of_the_release_before_is_ended(kind: str) -> None:
    make_job("a")
    make_queue("mail")
    paused = run(kind, "pause", is_all=True)
    paused.items.update(before="")

    assert run(kind, "resume", origin=paused.id).changed == paused.changed > 0


def test_an_undo_is_not_undone_in_the_same_way() -> None:
    make_task(priority=1)
    changed = run("tasks", "reprioritize", is_all=True, options={"priority": 5})
    undone = run("tasks", "restore-priority", origin=changed.id)

    with pytest.raises(Invalid, match="does not undo"):
        preview("tasks", "restore-priority", origin=undone.id)


def test_ended_tasks_are_deleted() -> None:
    ended, waiting = make_task("COMPLETED"), make_task()

    operation = run("tasks", "delete", ids=[str(ended.id), str(waiting.id)])

    assert list(Task.objects.values_list("id", flat=True)) == [waiting.id]
    assert (operation.changed, operation.refused) == (1, 1)


def test_waiting_tasks_run_now() -> None:
    scheduled, retrying = make_task("SCHEDULED"), make_task("RETRYING")
    blocked = make_task("BLOCKED")

    operation = run("tasks", "run-now", ids=[str(t.id) for t in (scheduled, retrying, blocked)])

    assert set(Task.objects.exclude(id=blocked.id).values_list("state", flat=True)) == {"PENDING"}
    assert (operation.changed, operation.refused) == (2, 1)


def test_letters_are_reprocessed_once() -> None:
    letters = [make_letter() for _ in range(3)]
    closed = make_letter()
    run("dead-letters", "discard", ids=[str(closed.id)])
    before = Task.objects.count()

    operation = run("dead-letters", "reprocess", ids=[str(x.id) for x in (*letters, closed)])

    assert (operation.changed, operation.refused) == (3, 1)
    assert Task.objects.count() == before + 3
    assert outcomes(operation)[str(closed.id)] == (
        "REFUSED", "This letter was discarded by system: a test",
    )  # fmt: skip
    again = run("dead-letters", "reprocess", ids=[str(x.id) for x in letters])
    assert (again.changed, again.unchanged) == (0, 3)
    assert Task.objects.count() == before + 3


def test_open_letters_are_discarded_with_the_reason() -> None:
    letter = make_letter()

    operation = run("dead-letters", "discard", wanted={"type": letter.type})

    letter.refresh_from_db()
    assert (letter.status, letter.discard_reason) == ("DISCARDED", "a test")
    assert operation.changed == 1
    assert not DeadLetter.objects.filter(status="OPEN").exists()


def enabled_schedules() -> set[str]:
    found = Schedule.objects.filter(periodic_task__enabled=True)
    return set(found.values_list("name", flat=True))


def test_schedules_paused_for_maintenance_and_exactly_those_resumed() -> None:
    for name in ("a", "b", "c"):
        make_job(name)
    make_job("off", enabled=False)

    paused = run("schedules", "pause", is_all=True)

    assert enabled_schedules() == set()
    assert (paused.total, paused.changed) == (3, 3)
    make_job("new")
    run("schedules", "pause", ids=[str(Schedule.objects.get(name="new").id)])

    resumed = run("schedules", "resume", origin=paused.id)

    assert enabled_schedules() == {"a", "b", "c"}
    assert resumed.changed == 3


def test_a_schedule_that_was_resumed_by_hand_needs_no_change() -> None:
    make_job("a")
    paused = run("schedules", "pause", is_all=True)
    schedule = Schedule.objects.get()
    run("schedules", "resume", ids=[str(schedule.id)])

    resumed = run("schedules", "resume", origin=paused.id)

    assert outcomes(resumed) == {str(schedule.id): ("UNCHANGED", "It was on already.")}


def test_a_schedule_that_was_paused_again_since_stays_paused() -> None:
    again, job = make_job("a"), make_job("b")
    paused = run("schedules", "pause", is_all=True)
    for action in ("resume", "pause"):
        run("schedules", action, ids=[str(again.id)])

    resumed = run("schedules", "resume", origin=paused.id)

    assert enabled_schedules() == {"b"}
    assert outcomes(resumed) == {
        str(again.id): ("REFUSED", "It has been resumed and paused again since."),
        str(job.id): ("CHANGED", ""),
    }


def set_pause(name: str, **changes: object) -> None:
    """As somebody does on the page of the queue."""
    change_queue(
        workspace_id=default_workspace().id, name=name, actor=SYSTEM, changes=dict(changes)
    )


def pauses() -> dict[str, str | None]:
    """By queue: the reason of its pause; None if it is not paused."""
    rows = Queue.objects.values_list("name", "paused_at", "pause_reason")
    return {name: None if at is None else reason for name, at, reason in rows}


def test_a_pause_of_a_queue_that_was_changed_since_stays() -> None:
    for name in ("mail", "print", "video"):
        make_queue(name)
    paused = run("queues", "pause", is_all=True)
    set_pause("print", paused=False)
    set_pause("print", paused=True, reason="a test")
    set_pause("video", paused=True, reason="the codec is broken")

    resumed = run("queues", "resume", origin=paused.id)

    assert pauses() == {"mail": None, "print": "a test", "video": "the codec is broken"}
    refused = ("REFUSED", "Its pause has been changed since.")
    assert outcomes(resumed) == {"mail": ("CHANGED", ""), "print": refused, "video": refused}


def test_an_undone_resumption_gives_each_queue_its_reason() -> None:
    reasons = {"mail": "é" * 500, "print": "", "video": "the codec is broken"}
    for name, reason in reasons.items():
        make_queue(name)
        set_pause(name, paused=True, reason=reason)
    resumed = run("queues", "resume", is_all=True)
    assert set(pauses().values()) == {None}

    undone = run("queues", "pause", origin=resumed.id)

    assert pauses() == reasons
    # What is paused for another purpose has the reason of that.
    run("queues", "resume", origin=undone.id)
    run("queues", "pause", origin=undone.id)
    assert set(pauses().values()) == {"a test"}


def test_queues_are_paused_with_the_reason_and_resumed() -> None:
    mail, video = make_queue("mail"), make_queue("video")
    run("queues", "pause", ids=["video"])

    paused = run("queues", "pause", wanted={"name": ["mail", "video"]})

    mail.refresh_from_db()
    assert (mail.paused_by, mail.pause_reason) == ("system", "a test")
    assert outcomes(paused) == {"mail": ("CHANGED", "")}
    run("queues", "resume", origin=paused.id)
    assert set(Queue.objects.filter(paused_at=None).values_list("name", flat=True)) == {"mail"}
    video.refresh_from_db()
    assert video.paused_at is not None


def test_a_queue_that_was_removed_is_refused() -> None:
    queue = make_queue("mail")
    operation = start("queues", "pause", ids=["mail"])
    drive(operation)
    queue.delete()

    assert outcomes(drive(operation)) == {"mail": ("REFUSED", "The queue was removed.")}


def test_an_operation_that_goes_on_cannot_be_undone_yet() -> None:
    make_tasks(2)
    operation = start("tasks", "reprioritize", is_all=True, options={"priority": 3})

    with pytest.raises(Conflict, match="has not ended"):
        preview("tasks", "restore-priority", origin=operation.id)


def test_what_will_happen_in_words() -> None:
    make_tasks(2)
    make_task("RUNNING")
    make_task("SCHEDULED")
    make_letter()
    make_job("a")
    make_queue("default")

    def words(target: str, action: str, **options: object) -> str:
        return preview(target, action, is_all=True, options=options).consequence

    assert words("tasks", "cancel") == (
        "3 waiting tasks will end at once, and 1 running task will be asked to stop. Tasks that "
        "depend on them will be cancelled too."
    )
    assert words("tasks", "reprioritize", priority=7) == "3 tasks will have the priority 7."
    assert (
        words("tasks", "run-now") == "1 task will be ready at once instead of waiting for the time."
    )
    assert (
        words("dead-letters", "discard") == "1 dead letter will be closed without doing the work."
    )
    assert "submitted again" in words("dead-letters", "reprocess")
    assert "will start nothing until resumed" in words("schedules", "pause")
    assert "Tasks that run continue" in words("queues", "pause")
