"""What can be undone is undone by one button on the page that follows, and exactly so."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.ops.operations.models import Operation
from controlplane.ops.schedules.models import Schedule
from controlplane.workspaces.models import AuditEvent, Membership
from dlq.models import LetterGroup, Replay
from scaling.models import Pool
from tasks_app.models import Queue, Task
from tests.clients import staff_client
from tests.factories import (
    make_job,
    make_leader,
    make_letter,
    make_operation,
    make_queue,
    make_task,
    set_pool,
)
from tests.integration.admin.test_confirmations import ACTIONS_UNDONE, UNDONE
from tests.integration.admin.world import World

pytestmark = pytest.mark.django_db
APPS = ("tasks_app", "dlq", "schedules", "scaling", "operations", "workers")


@pytest.fixture(autouse=True)
def _environment(settings: Any) -> None:
    settings.TASKPLANE_SCALING = {
        **settings.TASKPLANE_SCALING, "MIN_WORKERS": 1, "MAX_WORKERS": 10, "BACKEND": "process",
    }  # fmt: skip


def values_of(model: Any, *columns: str) -> Callable[[], Any]:
    return lambda: list(model.objects.order_by("pk").values_list(*columns))


def read_queues() -> Any:
    rows = Queue.objects.order_by("pk")
    return [(row.name, row.paused_at is None, *_limits(row)) for row in rows]


def _limits(row: Queue) -> Any:
    return row.pause_reason, row.max_running, row.rate_per_second


SCHEDULES = values_of(Schedule, "name", "priority", "periodic_task__enabled", "task_type")
GROUPS = values_of(LetterGroup, "state", "owner", "ticket", "muted_until")
OVERRIDES = values_of(Pool, "overrides")
MANUAL = values_of(Pool, "manual_workers")


@dataclass(frozen=True)
class Case:
    """`make` gives the rows; the form goes to the address of the first, or to the list."""

    name: str
    address: str
    make: Callable[[], Any]
    sent: dict[str, Any]
    read: Callable[[], Any]
    is_list: bool = False
    query: str = ""


def queues() -> list[Any]:
    return [make_queue("mail"), make_queue("print")]


def paused_queues() -> list[Any]:
    rows = queues()
    Queue.objects.update(paused_at="2026-01-01T00:00:00Z", pause_reason="the printer is broken")
    return rows


def unexplained_queues() -> list[Any]:
    """Without a reason."""
    rows = queues()
    Queue.objects.update(paused_at="2026-01-01T00:00:00Z")
    return rows


def jobs() -> list[Any]:
    return [make_job("a"), make_job("b")]


def paused_jobs() -> list[Any]:
    return [make_job("a", enabled=False), make_job("b", enabled=False)]


def group() -> list[Any]:
    return [LetterGroup.objects.get(id=make_letter().id)]


def pool() -> list[Any]:
    make_leader()
    return [set_pool()]


def held_pool() -> list[Any]:
    make_leader()
    return [set_pool(manual_workers=3, manual_by="ada")]


def operation(**columns: Any) -> Callable[[], list[Any]]:
    def make() -> list[Any]:
        row = make_operation()
        Operation.objects.filter(id=row.id).update(**columns)
        return [row]

    return make


def replay(**columns: Any) -> Callable[[], list[Any]]:
    def make() -> list[Any]:
        row = World().own["dlq.Replay"]
        Replay.objects.filter(pk=row.pk).update(**columns)
        return [row]

    return make


PAUSED = {"paused_at": "2026-01-01T00:00:00Z"}


def read_pauses() -> Any:
    rows = [*Operation.objects.order_by("pk"), *Replay.objects.order_by("pk")]
    return [row.paused_at is None for row in rows]


# The pages with the form.
CONFIGURED = {
    "scaling_pool_configure": "scaling_pool_changelist", "settings_scaling": "settings_scaling",
}  # fmt: skip
PAUSE, RESUME = {"action": "pause"}, {"action": "resume"}
CASES = [
    Case("queue paused", "tasks_app_queue_pause", queues, {"reason": "a fire"}, read_queues),
    Case("reason changed", "tasks_app_queue_pause", paused_queues, {"reason": "a"}, read_queues),
    Case("reason given", "tasks_app_queue_pause", unexplained_queues, {"reason": "a"}, read_queues),
    Case("queue resumed", "tasks_app_queue_resume", paused_queues, {}, read_queues),
    Case("limits of a queue", "tasks_app_queue_change", queues,
         {"max_running": "7", "rate_per_second": "2.5"}, read_queues),
    Case("queues paused", "tasks_app_queue_changelist", queues, {**PAUSE, "reason": "a fire"},
         read_queues, is_list=True),
    Case("queues resumed", "tasks_app_queue_changelist", paused_queues, RESUME, read_queues,
         is_list=True),
    Case("schedules paused", "schedules_schedule_changelist", jobs, PAUSE, SCHEDULES, is_list=True),
    Case("schedules resumed", "schedules_schedule_changelist", paused_jobs, RESUME, SCHEDULES,
         is_list=True),
    Case("schedule changed", "schedules_schedule_change", jobs,
         {"name": "other", "schedule": "@hourly", "timezone": "UTC", "task_type": "sleep",
          "payload": '{"ms": 7}', "priority": "9", "overlap": "skip", "catch_up": "none",
          "catch_up_max": "10", "jitter_ms": "0", "end_at_0": "2031-01-01", "end_at_1": "00:00"},
         SCHEDULES),
    Case("priority of a task", "tasks_app_task_act", lambda: [make_task(priority=4)],
         {"priority": "50", "post": "yes", "status": "PENDING"}, values_of(Task, "priority"),
         query="?action=reprioritize"),
    Case("priority of tasks", "tasks_app_task_changelist",
         lambda: [make_task(priority=4), make_task(priority=-3)],
         {"action": "reprioritize", "priority": "50", "post": "yes"}, values_of(Task, "priority"),
         is_list=True),
    Case("group owned", "dlq_lettergroup_decide", group, {"do": "own"}, GROUPS),
    Case("group acknowledged", "dlq_lettergroup_decide", group, {"do": "acknowledge"}, GROUPS),
    Case("ticket of a group", "dlq_lettergroup_decide", group,
         {"do": "change", "ticket": "https://t.example/1"}, GROUPS),
    Case("group muted", "dlq_lettergroup_mute", group, {"duration": "1d"}, GROUPS),
    Case("scaling configured", "scaling_pool_configure", pool, {"max_workers": "9"}, OVERRIDES),
    Case("scaling configured in the settings", "settings_scaling", pool, {"max_workers": "9"},
         OVERRIDES),
    Case("workers set", "scaling_pool_scale", pool,
         {"workers": "4", "hold": "3600", "reason": "a sale"}, MANUAL),
    Case("workers released", "scaling_pool_release", held_pool, {}, MANUAL),
    Case("operation paused", "operations_operation_pause", operation(), {}, read_pauses),
    Case("operation resumed", "operations_operation_resume", operation(**PAUSED), {}, read_pauses),
    Case("replay paused", "dlq_replay_pause", replay(), {}, read_pauses),
    Case("replay resumed", "dlq_replay_resume", replay(**PAUSED), {}, read_pauses),
]  # fmt: skip


def root_client() -> Client:
    return staff_client("root-of-all", apps=[], is_superuser=True)


def do(client: Client, case: Case, rows: list[Any]) -> str:
    """What the page after it shows."""
    sent = dict(case.sent)
    is_shared = case.address in CONFIGURED or case.address.startswith("scaling_pool")
    if case.is_list:
        sent["_selected_action"] = [str(row.pk) for row in rows]
    if case.address in CONFIGURED:
        page = client.get(reverse(f"admin:{CONFIGURED[case.address]}")).content.decode()
        held = dict(re.findall(r'type="(?:number|hidden)" name="(\w+)" value="([^"]*)"', page))
        on = dict.fromkeys(re.findall(r'type="checkbox" name="(\w+)"[^>]*checked', page), "on")
        strategy = re.findall(r'<option value="(\w+)" selected>', page.partition("strategy")[2])
        sent = {**held, **on, "strategy": strategy[0], **sent}
    arguments = [] if case.is_list or is_shared else [rows[0].pk]
    path = reverse(f"admin:{case.address}", args=arguments) + case.query
    answer = client.post(path, sent, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def press_undo(client: Client, page: str) -> str:
    key = re.search(r'name="undo" value="(undo-[0-9a-f]+)"', page)
    assert key is not None, re.findall(r'class="toast">(.*?)</li>', page)
    answer = client.post(reverse("admin:undo"), {"undo": key[1]}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_undone(case: Case) -> None:
    client, rows = root_client(), case.make()
    before = case.read()
    page = do(client, case, rows)
    assert case.read() != before
    events = AuditEvent.objects.count()
    assert "Undone" in press_undo(client, page)
    assert case.read() == before
    written = AuditEvent.objects.order_by("id")[events:]
    assert {event.detail.get("reason") for event in written} <= {"Undo", "the printer is broken"}
    assert written


def test_every_page_and_action_that_can_be_undone_is_here() -> None:
    found = {case.address for case in CASES if not case.is_list}
    assert found >= UNDONE
    actions = {(case.address, case.sent["action"]) for case in CASES if case.is_list}
    assert actions >= {
        (f"{label.lower().replace('.', '_')}_changelist", name) for label, name in ACTIONS_UNDONE
    }


def test_what_somebody_else_has_changed_since_is_not_overwritten() -> None:
    client, rows = root_client(), queues()
    case = next(each for each in CASES if each.name == "queues paused")
    page = do(client, case, rows)
    Queue.objects.filter(name="print").update(pause_reason="somebody else's")
    answer = press_undo(client, page)
    assert "Not undone. The queue print has been changed since." in answer
    # All of them or none.
    assert Queue.objects.filter(paused_at__isnull=False).count() == 2


@pytest.mark.parametrize("name", ["operation paused", "replay paused"])
def test_values_of_the_release_before_are_undone_too(name: str) -> None:
    client, case = root_client(), next(each for each in CASES if each.name == name)
    page = do(client, case, case.make())
    session = client.session
    for kept in session["undo"].values():
        del kept["values"]["paused_at"]
    session.save()
    assert "Undone: " in press_undo(client, page)
    assert False not in read_pauses()


@pytest.mark.parametrize("name", ["operation paused", "replay paused"])
def test_a_pause_of_somebody_else_is_not_ended(name: str) -> None:
    client, case = root_client(), next(each for each in CASES if each.name == name)
    other, rows = staff_client("other", apps=[], is_superuser=True), case.make()
    page = do(client, case, rows)
    for step in ("resume", "pause"):
        address = case.address.removesuffix("pause") + step
        other.post(reverse(f"admin:{address}", args=[rows[0].pk]))
    assert "has been resumed and paused again since." in press_undo(client, page)
    assert False in read_pauses()


def test_only_what_was_running_before_is_resumed() -> None:
    client, rows = root_client(), jobs()
    make_job("c", enabled=False)
    rows.append(Schedule.objects.get(name="c"))
    case = next(each for each in CASES if each.name == "schedules paused")
    press_undo(client, do(client, case, rows))
    assert SCHEDULES() == [
        ("a", 0, True, rows[0].task_type), ("b", 0, True, rows[1].task_type),
        ("c", 0, False, rows[2].task_type),
    ]  # fmt: skip


def test_it_is_offered_once_and_to_nobody_else() -> None:
    client, other = root_client(), staff_client("other", "operator", apps=APPS)
    case = CASES[0]
    page = do(client, case, case.make())
    assert 'name="undo"' not in client.get(reverse("admin:index")).content.decode()
    assert "nothing to undo" in press_undo(other, page)
    assert "Undone" in press_undo(client, page)
    assert "nothing to undo" in press_undo(client, page)


def test_who_has_lost_the_role_undoes_nothing() -> None:
    client = staff_client("op", "operator", apps=APPS)
    case = CASES[0]
    page = do(client, case, case.make())
    Membership.objects.update(role="viewer")
    key = re.search(r'name="undo" value="(undo-[0-9a-f]+)"', page)
    assert key is not None
    assert client.post(reverse("admin:undo"), {"undo": key[1]}).status_code == 403
    assert Queue.objects.get(name="mail").paused_at is not None


def test_it_leads_nowhere_else() -> None:
    client = root_client()
    answer = client.post(reverse("admin:undo"), {"next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == reverse("admin:index")
    assert client.get(reverse("admin:undo")).status_code == 405
